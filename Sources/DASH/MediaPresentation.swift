package import Domain

/// The description of a programme that never ends (an MPD, ISO/IEC 23009-1 §5.3), as a value that renders itself.
///
/// `Packaging` makes one for each segment. Sections are those of ISO/IEC 23009-1:2022. Times of the presentation count from 1970, so
/// that they hold over restarts; `availabilityStartTime` never changes.
package struct MediaPresentation: Sendable, Equatable {
    /// A span of the programme in which nothing of the coding changes (§5.3.2).
    package struct Period: Sendable, Equatable {
        /// Unique for ever; letters and digits.
        package var id: String
        /// When its first picture is shown: nanoseconds since 1970.
        package var start: Int64
        package var tracks: [Track]
        package var events: [Event]

        package init(id: String, start: Int64, tracks: [Track], events: [Event] = []) {
            self.id = id
            self.start = start
            self.tracks = tracks
            self.events = events
        }
    }

    /// One adaptation set with its only representation (§5.3.3, §5.3.5).
    package struct Track: Sendable, Equatable {
        package enum Kind: Sendable, Equatable {
            /// - Parameter frameRate: pictures a second; `nil` where nobody says.
            case pictures(width: Int, height: Int, frameRate: Double?)
            case sound(sampleRate: Int, channels: Int)
        }

        package var kind: Kind
        /// An RFC 6381 name.
        package var codec: String
        /// The peak, in bits per second.
        package var bandwidth: Int
        /// Ticks per second in `segments` and `offset`.
        package var timescale: Int64
        /// The media's time at the period's start.
        package var offset: Int64
        package var initializationName: String
        /// With `$Number$` in it.
        package var mediaName: String
        /// Every segment begins with a key frame.
        package var startsIndependently: Bool
        /// In order; numbers without a hole.
        package var segments: [Segment]

        package init(
            kind: Kind, codec: String, bandwidth: Int, timescale: Int64, offset: Int64, initializationName: String,
            mediaName: String, startsIndependently: Bool, segments: [Segment]
        ) {
            self.kind = kind
            self.codec = codec
            self.bandwidth = bandwidth
            self.timescale = timescale
            self.offset = offset
            self.initializationName = initializationName
            self.mediaName = mediaName
            self.startsIndependently = startsIndependently
            self.segments = segments
        }
    }

    package struct Segment: Sendable, Equatable {
        package var number: Int64
        /// Where its earliest unit is shown, in ticks of the media's own time.
        package var time: Int64
        package var duration: Int64

        package init(number: Int64, time: Int64, duration: Int64) {
            self.number = number
            self.time = time
            self.duration = duration
        }
    }

    /// A DJ's slot (§5.10).
    package struct Event: Sendable, Equatable {
        package var id: UInt32
        /// Any characters.
        package var name: String
        /// Milliseconds into the period.
        package var start: Int64
        /// Milliseconds; `nil` while nobody knows.
        package var duration: Int64?

        package init(id: UInt32, name: String, start: Int64, duration: Int64?) {
            self.id = id
            self.name = name
            self.start = start
            self.duration = duration
        }
    }

    /// When this version was made; never falls.
    package var publishTime: WallTime
    /// How often a player looks for a newer version, in seconds.
    package var updateSeconds: Int
    /// No segment lasts longer, in seconds.
    package var targetSeconds: Int
    /// How far a viewer can step back, in seconds.
    package var depthSeconds: Int
    package var periods: [Period]

    package init(
        publishTime: WallTime, updateSeconds: Int, targetSeconds: Int, depthSeconds: Int, periods: [Period]
    ) {
        self.publishTime = publishTime
        self.updateSeconds = updateSeconds
        self.targetSeconds = targetSeconds
        self.depthSeconds = depthSeconds
        self.periods = periods
    }

    /// `schemeIdUri` of the events that tell whose slot it is.
    package static let slotScheme = "urn:lineup:slot:2026"
    package static let contentType = "application/dash+xml"
    /// The server's clock, beneath the manifest (§5.8.4.11).
    package static let clockName = "time"
}

// MARK: - Text

extension MediaPresentation {
    /// UTF-8 text, lines ended by LF; the root's start tag is the second line.
    package func rendered() -> String {
        var text = #"<?xml version="1.0" encoding="UTF-8"?>"# + "\n"
        text +=
            #"<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" profiles="urn:mpeg:dash:profile:isoff-live:2011" type="dynamic""#
        text += #" availabilityStartTime="1970-01-01T00:00:00Z" publishTime="\#(publishTime)""#
        text += #" minimumUpdatePeriod="PT\#(updateSeconds)S" minBufferTime="PT\#(targetSeconds)S""#
        text += #" timeShiftBufferDepth="PT\#(depthSeconds)S" suggestedPresentationDelay="PT\#(targetSeconds * 2)S""#
        text += #" maxSegmentDuration="PT\#(targetSeconds)S">"# + "\n"
        for period in periods { text += rendered(period) }
        text += #"  <UTCTiming schemeIdUri="urn:mpeg:dash:utc:http-xsdate:2014" value="\#(Self.clockName)"/>"# + "\n"
        return text + "</MPD>\n"
    }

    private func rendered(_ period: Period) -> String {
        var text = #"  <Period id="\#(period.id)" start="PT\#(Self.seconds(period.start))S">"# + "\n"
        if !period.events.isEmpty {
            text += #"    <EventStream schemeIdUri="\#(Self.slotScheme)" timescale="1000">"# + "\n"
            for event in period.events {
                let duration = event.duration.map { #" duration="\#($0)""# } ?? ""
                text += #"      <Event id="\#(event.id)" presentationTime="\#(event.start)"\#(duration)"#
                text += #" messageData="\#(XMLText.escaped(event.name))"/>"# + "\n"
            }
            text += "    </EventStream>\n"
        }
        for (index, track) in period.tracks.enumerated() { text += rendered(track, id: index + 1) }
        return text + "  </Period>\n"
    }

    private func rendered(_ track: Track, id: Int) -> String {
        let (type, details, channels) = Self.words(for: track.kind)
        let independent = track.startsIndependently ? #" startWithSAP="1""# : ""
        var text = #"    <AdaptationSet id="\#(id)" contentType="\#(type)" mimeType="\#(type)/mp4""#
        text += #" segmentAlignment="true"\#(independent)>"# + "\n"
        text += #"      <Role schemeIdUri="urn:mpeg:dash:role:2011" value="main"/>"# + "\n"
        text += #"      <SegmentTemplate timescale="\#(track.timescale)" presentationTimeOffset="\#(track.offset)""#
        text += #" startNumber="\#(track.segments.first?.number ?? 0)" initialization="\#(track.initializationName)""#
        text += #" media="\#(track.mediaName)">"# + "\n        <SegmentTimeline>\n"
        text += Self.timeline(track.segments)
        text += "        </SegmentTimeline>\n      </SegmentTemplate>\n"
        text +=
            #"      <Representation id="\#(type)" codecs="\#(track.codec)" bandwidth="\#(track.bandwidth)"\#(details)"#
        if let channels {
            text += ">\n        <AudioChannelConfiguration"
            text += #" schemeIdUri="urn:mpeg:dash:23003:3:audio_channel_configuration:2011" value="\#(channels)"/>"#
            text += "\n      </Representation>\n"
        } else {
            text += "/>\n"
        }
        return text + "    </AdaptationSet>\n"
    }

    private static func words(for kind: Track.Kind) -> (type: String, details: String, channels: Int?) {
        switch kind {
        case .pictures(let width, let height, let frameRate):
            (
                "video",
                #" width="\#(width)" height="\#(height)""#
                    + (frameRate.map { #" frameRate="\#(Self.rate($0))""# } ?? ""),
                nil
            )
        case .sound(let rate, let channels): ("audio", #" audioSamplingRate="\#(rate)""#, channels)
        }
    }

    /// An integer or a fraction (§5.3.7.2): of television's rates the exact one, of others thousandths.
    private static func rate(_ rate: Double) -> String {
        let (whole, television) = (rate.rounded(), (rate * 1.001).rounded())
        if abs(whole - rate) < 0.005 { return "\(Int(whole))" }
        if abs(television / 1.001 - rate) < 0.005 { return "\(Int(television) * 1000)/1001" }
        return "\(Int((rate * 1000).rounded()))/1000"
    }

    /// Segments of the same length that follow each other without a hole are one `S` (§5.3.9.6).
    private static func timeline(_ segments: [Segment]) -> String {
        var text = ""
        var index = segments.startIndex
        var isFirst = true
        var end: Int64 = 0
        while index < segments.endIndex {
            let first = segments[index]
            var last = index
            while last + 1 < segments.endIndex, segments[last + 1].duration == first.duration,
                segments[last + 1].time == segments[last].time + first.duration
            { last += 1 }
            let time = isFirst || first.time != end ? #" t="\#(first.time)""# : ""
            let more = last > index ? #" r="\#(last - index)""# : ""
            text += #"          <S\#(time) d="\#(first.duration)"\#(more)/>"# + "\n"
            end = segments[last].time + segments[last].duration
            isFirst = false
            index = last + 1
        }
        return text
    }

    /// - Parameter nanoseconds: not negative.
    private static func seconds(_ nanoseconds: Int64) -> String {
        let (whole, rest) = (nanoseconds / 1000).quotientAndRemainder(dividingBy: 1_000_000)
        let digits = String(rest)
        return "\(whole)." + String(repeating: "0", count: 6 - digits.count) + digits
    }
}
