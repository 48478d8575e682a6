//! Who may come to a route: its schemes, or those that it inherits, and whether nobody may, too.

use gatepost::registry::Registry;
use http::HeaderName;
use toml::Spanned;

use crate::config::danger::Danger;
use crate::config::document::Document;
use crate::config::layers::Layers;
use crate::config::spec::{Mode, Written};
use crate::config::suggest;
use crate::config::value::List;
use crate::error::GatewayError;

/// Who may come.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Guard {
    /// Whoever proves who they are by one of these schemes, by registered name.
    Schemes(Vec<&'static str>),
    /// The same, and whoever brings no credentials passes as nobody, which the upstream is told.
    Pass(Vec<&'static str>),
    /// Everybody. Only with `[danger] no_auth`.
    Open,
}

impl Guard {
    /// The schemes, by registered name; none of a route that is open.
    #[must_use]
    pub fn schemes(&self) -> &[&'static str] {
        match self {
            Self::Schemes(names) | Self::Pass(names) => names,
            Self::Open => &[],
        }
    }
}

impl std::fmt::Display for Guard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Schemes(names) => f.write_str(&names.join(", ")),
            Self::Pass(names) => write!(f, "{}, or nobody", names.join(", ")),
            Self::Open => f.write_str("open to everybody"),
        }
    }
}

/// What holds for every route that says nothing else.
#[derive(Debug)]
pub(crate) struct Common<'a> {
    /// What is allowed that is not safe.
    pub(crate) danger: Danger,
    pub(crate) identity: HeaderName,
    /// The schemes that there are.
    pub(crate) registry: &'a Registry,
    /// The schemes of a route that lists none.
    pub(crate) schemes: Option<Vec<&'static str>>,
}

/// Gives the schemes of a route their meaning, or those that it inherits. `whole` is where the route stands.
pub(crate) fn guard(
    list: Written<List<Spanned<String>>>,
    mode: Written<Mode>,
    common: &Common<'_>,
    whole: &std::ops::Range<usize>,
    document: &Document,
) -> Result<Guard, GatewayError> {
    match (list, &common.schemes) {
        (None, None) => Err(unguarded(document.source(whole).to_string())),
        (None, Some(names)) => guarded(names.clone(), mode, document),
        (Some(list), _) => listed(list, mode, common, document),
    }
}

fn listed(
    list: Spanned<List<Spanned<String>>>,
    mode: Written<Mode>,
    common: &Common<'_>,
    document: &Document,
) -> Result<Guard, GatewayError> {
    let place = document.source(&list.span()).to_string();
    let names = list.into_inner().0;
    if names.is_empty() {
        return if common.danger.no_auth { guarded(Vec::new(), mode, document) } else { Err(unguarded(place)) };
    }
    let known = |name: &Spanned<String>| {
        scheme(name.get_ref(), common.registry).map_err(|(problem, hint)| GatewayError::Setting {
            place: document.source(&name.span()).to_string(),
            problem,
            hint: Some(hint),
        })
    };
    guarded(names.iter().map(known).collect::<Result<_, _>>()?, mode, document)
}

fn guarded(names: Vec<&'static str>, mode: Written<Mode>, document: &Document) -> Result<Guard, GatewayError> {
    match mode {
        Some(mode) if names.is_empty() => {
            Err(document
                .wrong(&mode.span(), "a route that is open to everybody has no `mode`: nothing is looked at there"))
        }
        _ if names.is_empty() => Ok(Guard::Open),
        Some(mode) if *mode.get_ref() == Mode::Pass => Ok(Guard::Pass(names)),
        _ => Ok(Guard::Schemes(names)),
    }
}

/// The registered name of a scheme, or what is wrong and a hint.
fn scheme(name: &str, registry: &Registry) -> Result<&'static str, (String, String)> {
    let found = registry.by_name(name).map(|scheme| scheme.name());
    found.ok_or_else(|| (format!("unknown scheme `{name}`"), suggest::hint(name, registry.names())))
}

/// The schemes of routes that list none.
pub(crate) fn inherited(
    written: Written<List<String>>,
    registry: &Registry,
    layers: &mut Layers<'_>,
) -> Result<Option<Vec<&'static str>>, GatewayError> {
    let Some(List(names)) = layers.pick_any("auth.schemes", written)? else { return Ok(None) };
    let known = |name: &String| scheme(name, registry).map_err(|(problem, hint)| layers.wrong(problem, Some(hint)));
    let names: Vec<_> = names.iter().map(known).collect::<Result<_, _>>()?;
    if names.is_empty() {
        let problem = "`auth.schemes` lists none: leave it out, or list some".to_owned();
        return Err(layers.wrong(problem, Some("a route is opened to everybody at the route itself".into())));
    }
    Ok(Some(names))
}

/// The names of the schemes that every user can use without being prepared for them.
pub(crate) fn usual(registry: &Registry) -> Vec<&'static str> {
    registry.schemes().iter().filter(|scheme| scheme.is_usual()).map(|scheme| scheme.name()).collect()
}

fn unguarded(place: String) -> GatewayError {
    GatewayError::Setting {
        place,
        problem: "this route lets everybody in: it lists no schemes".into(),
        hint: Some("list some, as in `schemes = [\"Basic\"]`; for an open route write `schemes = []` and set `no_auth = true` in `[danger]`".into()),
    }
}
