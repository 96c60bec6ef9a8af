package import Domain

/// A programme guide as television applications read it (XMLTV, `xmltv.dtd`): what is on and what should come.
package struct XMLTVGuide: Sendable, Equatable {
    package struct Channel: Sendable, Equatable {
        /// As `tvg-id` in the list.
        package var id: String
        package var name: String
        /// Absolute.
        package var icon: String?

        package init(id: String, name: String, icon: String? = nil) {
            self.id = id
            self.name = name
            self.icon = icon
        }
    }

    package struct Programme: Sendable, Equatable {
        /// Its channel's `id`.
        package var channel: String
        package var title: String
        package var start: WallTime
        /// `nil` where nobody can know.
        package var stop: WallTime?
        package var description: String?
        package var category: String?

        package init(
            channel: String, title: String, start: WallTime, stop: WallTime?, description: String? = nil,
            category: String? = nil
        ) {
            self.channel = channel
            self.title = title
            self.start = start
            self.stop = stop
            self.description = description
            self.category = category
        }
    }

    package var channels: [Channel]
    package var programmes: [Programme]

    package init(channels: [Channel], programmes: [Programme]) {
        self.channels = channels
        self.programmes = programmes
    }

    /// UTF-8 text, lines ended by LF; channels first, as the format wants it.
    package func rendered() -> String {
        var text = #"<?xml version="1.0" encoding="UTF-8"?>"# + "\n<!DOCTYPE tv SYSTEM \"xmltv.dtd\">\n"
        text += #"<tv generator-info-name="Lineup">"# + "\n"
        for channel in channels {
            text += #"  <channel id="\#(XMLText.escaped(channel.id))">"# + "\n"
            text += "    <display-name>\(XMLText.escaped(channel.name))</display-name>\n"
            if let icon = channel.icon.map(M3UList.address) {
                text += #"    <icon src="\#(XMLText.escaped(icon))"/>"# + "\n"
            }
            text += "  </channel>\n"
        }
        for programme in programmes { text += Self.rendered(programme) }
        return text + "</tv>\n"
    }

    private static func rendered(_ programme: Programme) -> String {
        let stop = programme.stop.map { #" stop="\#(time($0))""# } ?? ""
        var text =
            #"  <programme start="\#(time(programme.start))"\#(stop) channel="\#(XMLText.escaped(programme.channel))">"#
        text += "\n    <title>\(XMLText.escaped(programme.title))</title>\n"
        if let words = programme.description { text += "    <desc>\(XMLText.escaped(words))</desc>\n" }
        if let category = programme.category { text += "    <category>\(XMLText.escaped(category))</category>\n" }
        return text + "  </programme>\n"
    }

    /// `20261121201500 +0000`.
    private static func time(_ time: WallTime) -> String {
        // 2026-11-21T20:15:00.000Z
        String(time.description.prefix(19).filter { ("0"..."9").contains($0) }) + " +0000"
    }
}
