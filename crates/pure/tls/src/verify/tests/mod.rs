//! Chains of every kind before the judge.

mod clients;
mod dodges;
mod flaws;
mod house;
mod staples;
