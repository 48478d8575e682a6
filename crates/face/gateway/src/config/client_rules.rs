//! What was written about whom a certificate stands for becomes rules, in their order.

use std::collections::BTreeMap;

use gatepost::auth::client_rules::{Naming, Part, Rule};
use toml::Spanned;

use crate::config::document::Document;
use crate::config::layers::Layers;
use crate::config::spec::{CertificateSpec, RuleSpec, Written};
use crate::config::suggest;
use crate::error::GatewayError;

/// Gives the written rules their meaning.
pub(crate) fn rules(
    spec: CertificateSpec,
    document: Option<&Document>,
    layers: &mut Layers<'_>,
) -> Result<Vec<Rule>, GatewayError> {
    let Some(document) = document else { return Ok(Vec::new()) };
    let mut rules = Vec::new();
    for spec in spec.rule {
        let source = document.source(&spec.span());
        let rule = rule(spec, document)?;
        layers.note(&format!("auth.certificate.rule[{}]", rules.len()), &shown(&rule), source);
        rules.push(rule);
    }
    Ok(rules)
}

/// A rule in one line. The table is a list of identities, and may be long.
fn shown(rule: &Rule) -> String {
    match &rule.naming {
        Naming::Prefixed(prefix) => format!("{}, as `{prefix}…`", rule.part.name()),
        Naming::Table(users) => format!("{}, by a table of {}", rule.part.name(), users.len()),
    }
}

fn rule(spec: Spanned<RuleSpec>, document: &Document) -> Result<Rule, GatewayError> {
    let RuleSpec { from, is, user, users, prefix } = spec.into_inner();
    let part = Part::named(from.get_ref()).ok_or_else(|| GatewayError::Setting {
        place: document.source(&from.span()).to_string(),
        problem: format!("a certificate has no part `{}`", from.get_ref()),
        hint: Some(suggest::hint(from.get_ref(), Part::ALL.map(|(_, name)| name))),
    })?;
    let wrong = |span: std::ops::Range<usize>, problem: &str| Err(document.wrong(&span, problem));
    let naming = match (is, user, users, prefix) {
        (Some(value), Some(user), None, None) => Naming::Table(table(part, [(value, user)], document)?),
        (None, None, Some(users), None) => Naming::Table(written(part, users, document)?),
        (None, None, None, prefix) => Naming::Prefixed(self::prefix(part, prefix, document)?),
        (Some(value), None, ..) => return wrong(value.span(), "`is` without the `user` that it stands for"),
        (None, Some(user), ..) => return wrong(user.span(), "`user` without the value that it `is`"),
        (.., Some(users), _) => {
            return wrong(users.span(), "a rule has a table of `users`, or one `user`, or a `prefix`");
        }
        (.., Some(prefix)) => return wrong(prefix.span(), "a `prefix` is for rules without `user` and `users`"),
    };
    Ok(Rule { part, naming })
}

fn written(
    part: Part,
    users: Spanned<BTreeMap<Spanned<String>, Spanned<String>>>,
    document: &Document,
) -> Result<BTreeMap<String, String>, GatewayError> {
    if users.get_ref().is_empty() {
        return Err(document.wrong(&users.span(), "this table of `users` is empty"));
    }
    table(part, users.into_inner(), document)
}

fn table(
    part: Part,
    rows: impl IntoIterator<Item = (Spanned<String>, Spanned<String>)>,
    document: &Document,
) -> Result<BTreeMap<String, String>, GatewayError> {
    let mut users = BTreeMap::new();
    for (value, user) in rows {
        for text in [&value, &user] {
            if text.get_ref().is_empty() || text.get_ref().chars().any(char::is_control) {
                return Err(document.wrong(&text.span(), "empty, or with a control character in it"));
            }
        }
        // Two spellings of one value would leave it to chance who it is.
        if users.insert(part.plain(value.get_ref()), user.into_inner()).is_some() {
            return Err(document.wrong(&value.span(), "this value stands in the table already, in another spelling"));
        }
    }
    Ok(users)
}

/// Names of one part are kept apart from all others unless somebody says otherwise.
fn prefix(part: Part, written: Written<String>, document: &Document) -> Result<String, GatewayError> {
    let Some(written) = written else { return Ok(format!("{}:", part.name())) };
    if written.get_ref().chars().any(char::is_control) {
        return Err(document.wrong(&written.span(), "a prefix has no control character in it"));
    }
    Ok(written.into_inner())
}
