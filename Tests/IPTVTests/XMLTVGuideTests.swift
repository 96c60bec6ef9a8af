import Domain
import IPTV
import Testing

@Suite struct XMLTVGuideTests {
    @Test func writesChannelsThenProgrammesAndEscapesNames() {
        let guide = XMLTVGuide(
            channels: [.init(id: "main", name: "A & <B>", icon: "https://tv.example/a?b=1&c=2")],
            programmes: [
                .init(
                    channel: "main", title: #"DJ "Mira" <3"#, start: WallTime(milliseconds: 1_700_000_000_999),
                    stop: WallTime(milliseconds: 1_700_003_600_000), description: "All night\nlong", category: "Music"),
                .init(channel: "main", title: "DJ B", start: WallTime(milliseconds: 1_700_003_600_000), stop: nil),
            ])
        #expect(
            guide.rendered() == """
                <?xml version="1.0" encoding="UTF-8"?>
                <!DOCTYPE tv SYSTEM "xmltv.dtd">
                <tv generator-info-name="Lineup">
                  <channel id="main">
                    <display-name>A &amp; &lt;B&gt;</display-name>
                    <icon src="https://tv.example/a?b=1&amp;c=2"/>
                  </channel>
                  <programme start="20231114221320 +0000" stop="20231114231320 +0000" channel="main">
                    <title>DJ &quot;Mira&quot; &lt;3</title>
                    <desc>All night long</desc>
                    <category>Music</category>
                  </programme>
                  <programme start="20231114231320 +0000" channel="main">
                    <title>DJ B</title>
                  </programme>
                </tv>

                """)
    }
}
