//! What `serve` says once it listens: where, who may come in, and three commands to copy.

use std::path::Path;

use gatepost::model::secret::Secret;
use gatepost_gateway::ready::Ready;

use crate::ui::Ui;

/// The greeting, ready to print.
pub(crate) fn text(ready: &Ready, ui: &Ui) -> String {
    let behind = if ready.demo { "the demo in this process" } else { &ready.target };
    let mut text = format!("\n  {} guards {behind}\n\n", ui.bold("Gatepost"));
    let mut fact = |name: &str, value: &str| text.push_str(&format!("  {}  {value}\n", ui.dim(&format!("{name:<9}"))));
    fact("address", &ui.bold(&ready.url));
    if let Some(authority) = &ready.authority {
        fact("CA file", &authority.display().to_string());
    }
    let password = ready.password.as_ref().and_then(Secret::reveal_text);
    match (&ready.user, password) {
        (Some(user), Some(password)) => {
            fact("user", user);
            fact("password", password);
        }
        (Some(user), None) => fact("user", &format!("{user}, with the password that you gave it")),
        (None, _) => {}
    }
    if ready.schemes.is_empty() {
        fact("danger", "no proof is asked for: everybody may come in");
    } else {
        fact("schemes", &ready.schemes.join(", "));
    }
    let commands = commands(ready, password);
    if !commands.is_empty() {
        text.push_str(&format!("\n  {}\n", ui.dim("Try it:")));
        for command in commands {
            text.push_str(&format!("\n    {command}\n"));
        }
    }
    text + &format!("\n  {}\n\n", ui.dim("Ctrl-C ends it in good order."))
}

/// Commands that work when they are copied as they are, one for each way in.
fn commands(ready: &Ready, password: Option<&str>) -> Vec<String> {
    let url = &ready.url;
    let authority = ready.authority.as_deref().map(quoted);
    let curl_authority = authority.as_ref().map(|path| format!(" --cacert {path}")).unwrap_or_default();
    let own_authority = authority.as_ref().map(|path| format!(" --ca {path}")).unwrap_or_default();
    let curl = format!("curl{curl_authority}");
    let mut commands = Vec::new();
    if ready.schemes.is_empty() && ready.user.is_none() {
        return vec![format!("{curl} {url}")];
    }
    if let (Some(user), Some(password)) = (&ready.user, password) {
        commands.push(format!("{curl} -u {user}:{password} {url}"));
        let get = format!("{} get{own_authority} --auth wsse --user {user}", own_name());
        commands.push(format!("GATEPOST_PASSWORD={password} {get} --password-env GATEPOST_PASSWORD {url}"));
    }
    if let Some(token) = ready.token.as_deref().filter(|_| ready.schemes.contains(&"Bearer")) {
        commands.push(format!("{curl} -H \"Authorization: Bearer $(cat {})\" {url}", quoted(token)));
    }
    commands
}

/// The word that runs this program in the reader's shell: its name if that leads here, else its path.
fn own_name() -> String {
    let Ok(own) = std::env::current_exe() else { return "gatepost".into() };
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found =
        std::env::split_paths(&path).map(|folder| folder.join("gatepost")).find(|candidate| candidate.is_file());
    match found {
        Some(found) if found.canonicalize().ok() == own.canonicalize().ok() => "gatepost".into(),
        _ => quoted(&own),
    }
}

/// A path as a shell takes it for one word.
fn quoted(path: &Path) -> String {
    let text = path.display().to_string();
    let plain = text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '/' | '.' | '-' | '_' | '+' | ','));
    if plain { text } else { format!("'{}'", text.replace('\'', "'\\''")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_for_the_shell() {
        assert_eq!(quoted(Path::new("/a/b-c.pem")), "/a/b-c.pem");
        assert_eq!(quoted(Path::new("/a b/it's")), "'/a b/it'\\''s'");
    }

    #[test]
    fn three_commands_for_the_demo_and_one_for_an_open_gate() {
        let mut ready = Ready {
            url: "https://localhost:8443/".into(),
            authority: Some("/s/ca.pem".into()),
            user: Some("demo".into()),
            password: Some(Secret::from("pw")),
            token: Some("/s/demo.token".into()),
            target: "the demo".into(),
            schemes: vec!["Bearer", "WSSE", "Basic"],
            demo: true,
        };
        let all = commands(&ready, Some("pw"));
        assert_eq!(all[0], "curl --cacert /s/ca.pem -u demo:pw https://localhost:8443/");
        assert!(
            all[1].contains(" get --ca /s/ca.pem --auth wsse --user demo --password-env GATEPOST_PASSWORD "),
            "{all:?}"
        );
        assert_eq!(
            all[2],
            "curl --cacert /s/ca.pem -H \"Authorization: Bearer $(cat /s/demo.token)\" https://localhost:8443/"
        );
        (ready.user, ready.password, ready.token, ready.schemes) = (None, None, None, Vec::new());
        assert_eq!(commands(&ready, None), ["curl --cacert /s/ca.pem https://localhost:8443/"]);
    }
}
