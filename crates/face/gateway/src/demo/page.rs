//! The echo as a page: light or dark as the reader likes it, no script, readable without colour.

use serde_json::Value;

const STYLE: &str = "\
:root{color-scheme:light dark;--ink:#1b2430;--soft:#566273;--line:#d8dee6;--ground:#f4f6f9;--card:#fff;--mark:#0a6b5c;--tint:#e5f3ef}\
@media(prefers-color-scheme:dark){:root{--ink:#e6ebf1;--soft:#a3afbc;--line:#2c3642;--ground:#10151b;--card:#171e26;--mark:#5fd0bb;--tint:#16302d}}\
*{box-sizing:border-box}body{margin:0;background:var(--ground);color:var(--ink);font:16px/1.55 system-ui,sans-serif}\
header,main,footer{max-width:48rem;margin:0 auto;padding:0 1.25rem}header{padding-top:2rem;font-weight:600;letter-spacing:.02em}\
header svg{vertical-align:-.2em;margin-right:.5rem;color:var(--mark)}\
h1{font-size:clamp(1.6rem,6vw,2.1rem);line-height:1.2;margin:1.4rem 0 .3rem;text-wrap:balance}\
h2{font-size:1.05rem;margin:2.2rem 0 .6rem;text-wrap:balance}p{margin:0}strong{color:var(--mark)}main p,footer{color:var(--soft)}\
dl,pre{margin:0;background:var(--card);border:1px solid var(--line);border-radius:.7rem;overflow:hidden}\
dl>div{display:grid;grid-template-columns:14rem 1fr;gap:.1rem 1rem;padding:.5rem 1rem}dl>div+div{border-top:1px solid var(--line)}\
dt{color:var(--soft);overflow-wrap:anywhere}dd{margin:0;min-width:0}.ours{background:var(--tint)}.ours dd{font-weight:600;color:var(--mark)}\
dd,code,pre{font-family:ui-monospace,monospace;font-size:.9rem;overflow-wrap:anywhere}pre{padding:.8rem 1rem;white-space:pre-wrap}\
footer{padding-top:2rem;padding-bottom:3rem;font-size:.9rem}@media(max-width:36rem){dl>div{grid-template-columns:1fr}}\
@media(forced-colors:active){.ours{outline:2px solid}}";

/// Two posts and the gate between them.
const SIGN: &str = "<svg aria-hidden=true width=20 height=20 viewBox=\"0 0 20 20\" fill=none stroke=currentColor \
stroke-width=2 stroke-linecap=round><path d=\"M3 2v16M17 2v16M3 7h14M3 14h14M6 14l8-7\"/></svg>";

/// The page of what came. `ours` is the name of the field that tells the upstream who came.
pub(super) fn page(seen: &Value, ours: &str) -> String {
    let text = |name: &str| escaped(seen.get(name).and_then(Value::as_str).unwrap_or("–"));
    let you = match seen.get("you").and_then(Value::as_str) {
        Some(you) => format!("You are <strong>{}</strong>, proved by {}.", escaped(you), text("scheme")),
        None => "Nobody asked who you are: this route is open.".to_owned(),
    };
    let headers = seen.get("headers").and_then(Value::as_object);
    // The field that everything is about goes first.
    let (first, rest): (Vec<_>, Vec<_>) =
        headers.into_iter().flatten().partition(|(name, _)| name.eq_ignore_ascii_case(ours));
    let rows: String = first.iter().map(|(name, value)| row(name, value, " class=ours")).collect();
    let rows = rest.iter().fold(rows, |rows, (name, value)| rows + &row(name, value, ""));
    let body = match seen.get("body").and_then(Value::as_str) {
        Some(body) if !body.is_empty() => format!("<h2>Body</h2><pre>{}</pre>", escaped(body)),
        _ => String::new(),
    };
    format!(
        "<!doctype html><html lang=en><head><meta charset=utf-8><meta name=viewport content=\"width=device-width\">\
<title>Gatepost: you are through the gate</title><style>{STYLE}</style></head><body><header>{SIGN}Gatepost</header>\
<main><h1>You are through the gate</h1><p>{you}</p>\
<h2>Your request, as a service behind the gate sees it</h2><dl>\
<div><dt>Method</dt><dd>{}</dd></div><div><dt>Path</dt><dd>{}</dd></div><div><dt>Protocol</dt><dd>{}, {}</dd></div></dl>\
<h2>Header fields</h2><dl>{rows}</dl>{body}\
<h2>WebSocket</h2><p>An echo waits at <code>/ws</code>.</p></main>\
<footer>This is the demo inside the gateway. Programs that do not ask for HTML get the same as JSON.</footer></body></html>\n",
        text("method"),
        text("path"),
        text("protocol"),
        text("tls"),
    )
}

fn row(name: &str, value: &Value, class: &str) -> String {
    let values: Vec<String> = match value {
        Value::Array(all) => all.iter().filter_map(Value::as_str).map(escaped).collect(),
        one => one.as_str().map(escaped).into_iter().collect(),
    };
    format!("<div{class}><dt>{}</dt><dd>{}</dd></div>", escaped(name), values.join("<br>"))
}

/// Text that means nothing but itself in HTML, in quotes or not.
fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            c => safe.push(c),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_came_stays_text() {
        let seen = json!({ "method": "GET", "path": "/<script>", "you": "<b>'\"&", "headers": { "x": ["<i>", "2"] } });
        let page = page(&seen, "X");
        assert!(page.contains("/&lt;script&gt;"));
        assert!(page.contains("&lt;b&gt;&#39;&quot;&amp;"));
        assert!(page.contains("<div class=ours><dt>x</dt><dd>&lt;i&gt;<br>2</dd>"));
        assert!(!page.contains("<script"));
    }
}
