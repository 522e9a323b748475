//! Nothing runs, nothing loads.

use proptest::prelude::*;

use super::*;

fn sanitise(html: &str) -> Option<String> {
    super::sanitise(html, &View::default())
}

#[test]
fn keeps_what_is_harmless() {
    let html = r#"<p>Hi <b>you</b> <a href="https://a.example/x?y=1&amp;z=2">link</a><br>
        <img src="cid:logo@x" alt="logo"><img src="data:image/png;base64,AAAA"></p>
        <table width="600"><tr><td colspan="2">x</td></tr></table>"#;
    let clean = sanitise(html).unwrap();
    for part in ["<b>you</b>", "https://a.example/x?y=1&amp;z=2", "cid:logo@x", "data:image/png", "<td colspan"] {
        assert!(clean.contains(part), "{part}: {clean}");
    }
    assert!(clean.contains("noopener noreferrer") && clean.contains("_blank"));
}

#[test]
fn drops_whatever_runs_or_loads() {
    let rows = [
        r#"<img src="https://track.example/open.gif">"#,
        r#"<img src="//track.example/x">"#,
        r#"<img src="HTTP://track.example/x">"#,
        r#"<img srcset="https://track.example/x 2x">"#,
        r#"<img src="data:image/svg+xml,<svg onload=track.example>">"#,
        r#"<img src="data:text/html,track.example">"#,
        r#"<a href="javascript:track.example()">x</a>"#,
        r#"<a href=" java&#9;script:track.example()">x</a>"#,
        r#"<a href="data:text/html,track.example">x</a>"#,
        r#"<div style="background:url(https://track.example/x)">x</div>"#,
        r#"<style>@import "https://track.example/x";</style>"#,
        r#"<link rel="stylesheet" href="https://track.example/x">"#,
        r#"<script src="https://track.example/x"></script><script>track.example()</script>"#,
        r#"<body background="https://track.example/x" onload="track.example()">x"#,
        r#"<table background="https://track.example/x"><tr><td background="https://track.example/x">x"#,
        r#"<iframe src="https://track.example/x"></iframe><object data="https://track.example/x"></object>"#,
        r#"<video src="https://track.example/x" poster="https://track.example/x"></video>"#,
        r#"<form action="https://track.example/x"><input name="password"></form>"#,
        r#"<blockquote cite="https://track.example/x">x</blockquote>"#,
        r#"<svg><image href="https://track.example/x"/></svg><math href="https://track.example/x">"#,
        r#"<meta http-equiv="refresh" content="0;url=https://track.example/x">"#,
        r#"<base href="https://track.example/">"#,
        "<!-- track.example -->",
        r#"<p onclick="track.example()">x</p>"#,
    ];
    for html in rows {
        let clean = sanitise(html).unwrap();
        assert!(!clean.contains("track.example"), "{html} -> {clean}");
    }
}

#[test]
fn pictures_of_other_places_are_loaded_when_asked_and_nothing_else() {
    let view = View { remote: Remote::Images, cid: None };
    let shown = |html: &str| super::sanitise(html, &view).unwrap();
    assert!(shown("<img src=\"https://a.example/x.png\">").contains("https://a.example/x.png"));
    for html in [
        "<img src=\"//a.example/x\">",
        "<img srcset=\"https://a.example/x 2x\">",
        "<td background=\"https://a.example/x\">x</td>",
        "<p style=\"background: url(https://a.example/x)\">x</p>",
        "<iframe src=\"https://a.example/x\"></iframe>",
        "<link rel=stylesheet href=\"https://a.example/x\">",
        "<video src=\"https://a.example/x\"></video>",
    ] {
        assert!(!shown(html).contains("a.example"), "{html} -> {}", shown(html));
    }
}

#[test]
fn harmless_styles_stay() {
    let clean =
        sanitise("<p style=\"color:red;position:fixed;background:url(x)\">a</p><p style=\"color:#333;top:0\">b</p>");
    let clean = clean.unwrap();
    assert!(clean.contains("color:#333") && !clean.contains("top"), "{clean}");
    assert!(!clean.contains("position") && !clean.contains("url"), "{clean}");
}

#[test]
fn images_point_where_the_view_says() {
    let place = |id: &str| Some(format!("/files/{id}"));
    let view = View { remote: Remote::Blocked, cid: Some(&place) };
    let shown = super::sanitise("<img alt='a>b' src='cid:x@y'><p>src=\"cid:no\"</p>", &view).unwrap();
    assert!(shown.contains("src=\"/files/x@y\"") && shown.contains("cid:no"), "{shown}");
}

#[test]
fn images_of_the_mail_are_pointed_at_and_unknown_ones_lose_their_address() {
    let place = |id: &str| (id == "logo@x").then(|| "/a/1?x=1&y=\"2\"".to_owned());
    let view = View { remote: Remote::Blocked, cid: Some(&place) };
    for (html, expected) in [
        ("<img src=\"cid:logo@x\">", "<img src=\"/a/1?x=1&amp;y=&quot;2&quot;\">"),
        ("a<img alt=\"b > c\" src=\"CID:logo%40x\">d", "a<img alt=\"b &gt; c\" src=\"/a/1?x=1&amp;y=&quot;2&quot;\">d"),
        ("<img alt=\"b\" src=\"cid:other\">", "<img alt=\"b\">"),
        ("<img alt=\"b\"> src=\"cid:logo@x\"", "<img alt=\"b\"> src=\"cid:logo@x\""),
        ("<p> src=\"cid:logo@x\"</p>", "<p> src=\"cid:logo@x\"</p>"),
        ("plain", "plain"),
    ] {
        assert_eq!(super::sanitise(html, &view).unwrap(), expected, "{html}");
    }
}

#[test]
fn elements_end_where_a_browser_ends_them() {
    for (html, expected) in [
        ("<p>a<p>b", "<p>a</p><p>b</p>"),
        ("<p>a<div>b</div>c</p>d", "<p>a</p><div>b</div>cd"),
        ("<ul><li>a<li>b<ul><li>c</ul><li>d</ul>", "<ul><li>a</li><li>b<ul><li>c</li></ul></li><li>d</li></ul>"),
        ("<dl><dt>a<dd>b<dt>c</dl>", "<dl><dt>a</dt><dd>b</dd><dt>c</dt></dl>"),
        ("<table><tr><td>a<td>b<tr><th>c</table>d", "<table><tr><td>a</td><td>b</td></tr><tr><th>c</th></tr></table>d"),
        (
            "<table><tbody><tr><td><table><tr><td>x</table>y</td></table>",
            "<table><tbody><tr><td><table><tr><td>x</td></tr></table>y</td></tr></tbody></table>",
        ),
        ("<table><col><tr><td>a", "<table><col><tr><td>a</td></tr></table>"),
        ("<td>a</td><tr>b", "ab"),
        // Nobody else's elements are closed, and none is left open.
        ("</div></table></b>a</td></p>", "a"),
        ("<div><table><tr><td></div>a", "<div><table><tr><td>a</td></tr></table></div>"),
        (
            "<b><table><tr><td></b><i>a</td><td>b</i></table>c",
            "<b><table><tr><td><i>a</td><td>b</td></tr></table>c</b>",
        ),
        ("<div><b>a</div>b</b>c", "<div><b>a</div>b</b>c"),
        ("<b><i>a</b>b</i>", "<b><i>a</b>b</i>"),
        (
            "<a href=https://a.example>x<a>y",
            "<a href=\"https://a.example\" target=\"_blank\" rel=\"noopener noreferrer nofollow\">x</a><a>y</a>",
        ),
        ("a</br>b<br/>c<hr>d</hr>", "a<br>b<br>c<hr>d"),
    ] {
        assert_eq!(sanitise(html).unwrap(), expected, "{html}");
    }
}

#[test]
fn what_goes_whole_does_not_take_the_mail_with_it() {
    for (html, expected) in [
        ("a<script>b</script>c<style>d</style>e<title>f</title>g", "aceg"),
        ("a<svg><svg>b</svg>c</svg>d", "ad"),
        ("a<svg><p>b</p>c", "a<p>b</p>c"),
        ("a<OBJECT>b</Object>c<noscript>d</noscript>e", "ace"),
        ("a<textarea><b></textarea>b<xmp><i></xmp>", "a&lt;b&gt;b&lt;i&gt;"),
        ("a<form><input><button>b</button><select><option>c</select></form>", "abc"),
        ("a<style>b", "a"),
        ("a<!-- b -->c<![CDATA[d]]>e<?x?>f<!doctype x>", "acef"),
    ] {
        assert_eq!(sanitise(html).unwrap(), expected, "{html}");
    }
}

#[test]
fn text_and_values_are_escaped() {
    for (html, expected) in [
        ("1 < 2 &amp;&lt;b&gt; &copy; &nbsp;&#0;\0", "1 &lt; 2 &amp;&lt;b&gt; © &nbsp;\u{FFFD}"),
        ("<img alt='\"><script>x</script>' src=x>", "<img alt=\"&quot;&gt;&lt;script&gt;x&lt;/script&gt;\">"),
        ("<p title=a title=b TITLE=c>", "<p title=\"a\"></p>"),
        ("<p dir=rtl onclick=x data-x=y class=z id=w>a", "<p dir=\"rtl\">a</p>"),
        ("a\r\nb\rc", "a\nb\nc"),
        (
            "<a href=' \u{1}htt\nps://x.example/\ta '>a</a>",
            "<a href=\"https://x.example/a\" target=\"_blank\" rel=\"noopener noreferrer nofollow\">a</a>",
        ),
    ] {
        assert_eq!(sanitise(html).unwrap(), expected, "{html}");
    }
}

#[test]
fn deep_nesting_is_not_worked_on() {
    assert!(sanitise(&"<div>".repeat(limits::HTML_DEPTH)).is_some());
    assert!(sanitise(&"<div>".repeat(200_000)).is_none());
    assert!(sanitise(&"<p>a<br><li>b".repeat(20_000)).is_some());
    assert!(sanitise(&"<div>x</div>".repeat(20_000)).is_some());
}

proptest! {
    #[test]
    fn never_panics_and_never_lets_remote_sources_through(
        pieces in proptest::collection::vec(
            prop_oneof![
                Just("<img src=".to_owned()), Just("'https://track.example'".to_owned()), Just("<svg>".to_owned()),
                Just("<math>".to_owned()), Just("<style>".to_owned()), Just("</style>".to_owned()),
                Just("<a href=".to_owned()), Just("javascript:alert(1)".to_owned()), Just(">".to_owned()),
                Just("<!--".to_owned()), Just("-->".to_owned()), Just("<![CDATA[".to_owned()), ".{0,12}",
            ],
            0..40,
        ),
    ) {
        let html = pieces.concat();
        if let Some(clean) = sanitise(&html) {
            prop_assert!(!clean.contains("<script") && !clean.contains("<style"));
            for tag in clean.split("<img").skip(1) {
                let tag = tag.split('>').next().unwrap();
                prop_assert!(!tag.contains("src=\"http"), "{clean}");
            }
        }
    }
}
