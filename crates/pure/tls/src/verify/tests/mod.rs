//! Chains of every kind before the judge.

mod dodges;
mod flaws;
mod house;
mod staples;
