import Testing
import YuyanTextProcessing

@Suite("Removal of HTML")
struct HTMLTests {
    private let step = HTMLRemoval()

    @Test("a page")
    func page() {
        let page = """
            <!DOCTYPE html>
            <html><head><title>T &amp; U</title><style>p { color: red }</style>
            <script>if (a < b) document.write("<p>x</p>");</script></head>
            <body><!-- hidden <p> --><h1>Head</h1><p>One
               two <b>three</b>.</p><p>Four<br>five</p>
            <ul><li>a</li><li>b</li></ul>
            <table><tr><th>k</th><td>v</td></tr><tr><td>x</td><td>y</td></tr></table>
            <pre>  keep
              this </pre><noscript>no</noscript><template>t</template></body></html>
            """
        #expect(
            cleaned(step, page) == "T & U\nHead\nOne two three.\nFour\nfive\na\nb\nk\tv\nx\ty\n  keep\n  this"
        )
    }

    @Test("pieces of pages keep their line breaks")
    func pieces() {
        #expect(cleaned(step, "<p>One</p>\n<p>Two</p>") == "One\nTwo")
        #expect(cleaned(step, "<div><div>a</div></div><div>b</div>") == "a\nb")
        #expect(
            cleaned(step, "# Title\n\nSome <b>bold</b> text\n\n- item")
                == "# Title\n\nSome bold text\n\n- item"
        )
        #expect(cleaned(HTMLRemoval(whitespace: .collapse), "<p>a\n  b</p>") == "a b")
        #expect(cleaned(HTMLRemoval(cellSeparator: " "), "<td>a</td><td>b</td>") == "a b")
        #expect(cleaned(HTMLRemoval(keepsAltText: true), "x <img src=a alt='A &lt; B'/> y") == "x A < B y")
        #expect(cleaned(step, "x <img alt=\"a > b\" src=1> y") == "x  y")
        #expect(cleaned(HTMLRemoval(keepsNoscript: true), "<noscript>on</noscript>") == "on")
    }

    @Test("what is no markup stays")
    func plain() {
        for text in [
            "", "a < b and c > d", "x<y", "vector<int> v;", "if (a<b && c>d)", "<http://example.com>",
            "<user@host>", "1 <2", "<", "<>", "</>", "< p >",
            "Markdown: **bold** `code` [a](b)", "AT&T, R&D; Q&A", "&nosuch;", "&", "&;", "&#;", "&#x;", "<!",
            "<?", "<-- x",
            "a=1&copy=2&times=3",
        ] {
            #expect(step.apply(to: text) == .unchanged, "\(text)")
        }
    }

    @Test("character references")
    func references() {
        let pairs = [
            ("&amp;&lt;&gt;&quot;&apos;", "&<>\"'"), ("&eacute;&#233;&#xE9;&#XE9", "éééé"),
            ("&copy 2024 &copy2024", "© 2024 ©2024"),
            ("&nbsp;x", " x"), ("&#0;&#xD800;&#x110000;", "\u{FFFD}\u{FFFD}\u{FFFD}"), ("&#150;&#x80;", "–€"),
            ("&notin;&notit;", "∉¬it;"),
            ("&NotEqualTilde;", "≂̸"), ("&CounterClockwiseContourIntegral;", "∳"),
            ("&#99999999999999999999;", "\u{FFFD}"),
            ("&ldquo;中&rdquo;", "“中”"),
        ]
        for (source, target) in pairs { #expect(same(cleaned(step, source), target), "\(source)") }
    }

    @Test("broken markup")
    func broken() {
        #expect(cleaned(step, "<p>a<p>b</i></div>c") == "a\nb\nc")
        #expect(cleaned(step, "<script>never closed <p>text</p>") == "never closed \ntext")
        #expect(cleaned(step, "<p>a <!-- never closed") == "a <!-- never closed")
        #expect(cleaned(step, "<a href=\"never closed>x</a> y") == "x y")
        #expect(cleaned(step, "<p>x<unknown attr>y</unknown>") == "xy")
        #expect(cleaned(step, "<p><o:p>x</o:p><my-tag>y</my-tag>") == "xy")
        #expect(cleaned(step, "<p>a<![CDATA[<b>&amp;]]>c") == "a<b>&amp;c")
        #expect(cleaned(step, "<SCRIPT>x</ScRiPt >y") == "y")
        #expect(cleaned(step, "<p>x<!-->y<!--->z") == "xyz")
        #expect(cleaned(step, "<?php echo 1 ?><p>x") == "x")
        #expect(cleaned(step, "<p") == "<p")
    }
}
