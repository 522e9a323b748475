//! What a reader would see.

use super::*;

#[test]
fn blocks_stand_on_their_own_lines_and_links_keep_their_address() {
    for (html, expected) in [
        ("<p>One</p><p>Two &amp; more</p>", "One\n\nTwo & more"),
        ("<div>One</div><div>Two</div>three", "One\nTwo\nthree"),
        ("a<br>b<br/><br>c<br><br><br>d", "a\nb\n\nc\n\nd"),
        ("a \n  b\t<b>c</b>d<i> e</i>", "a b cd e"),
        ("<ul><li>one<li>two</ul>after", "- one\n- two\n\nafter"),
        ("<table><tr><td>a</td><td>b</td></tr><tr><th>c</th></tr></table>", "a b\nc"),
        ("<h1>Title</h1>text<hr>more", "Title\n\ntext\n\nmore"),
        ("x<script>var a = '<p>no</p>';</script>y<style>p{}</style>z", "xyz"),
        ("<head><title>no</title><style>p{color:red}</style></head><body>yes</body>", "yes"),
        ("a<!-- no -->b<![if !mso]>c<![endif]>", "abc"),
        ("<a href=\"https://a.example/x?y=1&amp;z=2\">here</a>.", "here <https://a.example/x?y=1&z=2>."),
        ("<a href='https://a.example/'>https://a.example</a>", "https://a.example"),
        ("<a href='mailto:a@b.example'>a@b.example</a>", "a@b.example"),
        ("<a href='javascript:x()'>click</a><a href='#top'>up</a>", "clickup"),
        ("<a href='https://a.example'><img src=x alt='Logo'></a>", "Logo <https://a.example>"),
        ("<a href='https://a.example'><img src=x></a>", ""),
        ("<blockquote>one<p>two</p></blockquote>three", "> one\n\n> two\n\nthree"),
        ("<pre>a  b\n  c</pre>d", "a  b\n  c\n\nd"),
        ("a&nbsp;&nbsp;b&#8364;&euro;", "a b€€"),
        ("&lt;b&gt; < 3 > 2", "<b> < 3 > 2"),
        ("<p>never closed <b", "never closed"),
        ("<textarea>a<b>c</textarea>", "a<b>c"),
        ("<script>never closed", ""),
        ("", ""),
    ] {
        assert_eq!(read(html), expected, "{html}");
    }
}

#[test]
fn text_is_dressed_without_becoming_markup() {
    let dressed = dress("a <b>\r\n & c");
    assert_eq!(dressed, "<div style=\"white-space: pre-wrap\">a &lt;b&gt;<br> &amp; c</div>");
}
