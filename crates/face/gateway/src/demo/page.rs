//! The echo as a page: light or dark as the reader likes it, no script, readable without colour.

use serde_json::Value;

const STYLE: &str = "\
:root{color-scheme:light dark;--ink:#1b2430;--soft:#5b6776;--line:#d8dee6;--ground:#f6f8fa;--card:#fff;--mark:#0a6b5c}\
@media(prefers-color-scheme:dark){:root{--ink:#e6ebf1;--soft:#9aa7b5;--line:#2c3642;--ground:#10151b;--card:#171e26;--mark:#5fd0bb}}\
*{box-sizing:border-box}body{margin:0;background:var(--ground);color:var(--ink);font:16px/1.55 system-ui,sans-serif}\
main{max-width:46rem;margin:0 auto;padding:3rem 1.25rem}h1{font-size:1.9rem;line-height:1.2;margin:0 0 .35rem}\
h2{font-size:1rem;margin:2.2rem 0 .6rem}p{margin:0;color:var(--soft)}strong{color:var(--mark)}\
.card{background:var(--card);border:1px solid var(--line);border-radius:.6rem;overflow:auto}\
table{border-collapse:collapse;width:100%}th,td{text-align:left;vertical-align:top;padding:.5rem .9rem;font-weight:400}\
tr+tr>*{border-top:1px solid var(--line)}th{color:var(--soft);white-space:nowrap}\
td,code,pre{font-family:ui-monospace,monospace;font-size:.9rem;overflow-wrap:anywhere}pre{margin:0;padding:.8rem .9rem;white-space:pre-wrap}";

/// The page of what came.
pub(super) fn page(seen: &Value) -> String {
    let text = |name: &str| escaped(seen.get(name).and_then(Value::as_str).unwrap_or("–"));
    let you = match seen.get("you").and_then(Value::as_str) {
        Some(you) => format!("You are <strong>{}</strong>, proved by {}.", escaped(you), text("scheme")),
        None => "Nobody asked who you are: this route is open.".to_owned(),
    };
    let headers = seen.get("headers").and_then(Value::as_object);
    let rows: String = headers.into_iter().flatten().map(|(name, value)| row(name, value)).collect();
    let body = match seen.get("body").and_then(Value::as_str) {
        Some(body) if !body.is_empty() => format!("<h2>Body</h2><div class=card><pre>{}</pre></div>", escaped(body)),
        _ => String::new(),
    };
    format!(
        "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content=\"width=device-width\">\
<title>Gatepost: you are through the gate</title><style>{STYLE}</style>\
<main><h1>You are through the gate</h1><p>{you}</p>\
<h2>Your request, as a service behind the gate sees it</h2><div class=card><table>\
<tr><th scope=row>Method</th><td>{}</td></tr><tr><th scope=row>Path</th><td>{}</td></tr>\
<tr><th scope=row>Protocol</th><td>{}, {}</td></tr></table></div>\
<h2>Header fields</h2><div class=card><table>{rows}</table></div>{body}\
<h2>WebSocket</h2><p>An echo waits at <code>/ws</code>.</p></main></html>\n",
        text("method"),
        text("path"),
        text("protocol"),
        text("tls"),
    )
}

fn row(name: &str, value: &Value) -> String {
    let values: Vec<String> = match value {
        Value::Array(all) => all.iter().filter_map(Value::as_str).map(escaped).collect(),
        one => one.as_str().map(escaped).into_iter().collect(),
    };
    format!("<tr><th scope=row>{}</th><td>{}</td></tr>", escaped(name), values.join("<br>"))
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
        let page = page(&seen);
        assert!(page.contains("/&lt;script&gt;"));
        assert!(page.contains("&lt;b&gt;&#39;&quot;&amp;"));
        assert!(page.contains("&lt;i&gt;<br>2"));
        assert!(!page.contains("<script"));
    }
}
