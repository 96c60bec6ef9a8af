import DASH
import Domain
import Testing

/// Manifests as whole texts.
@Suite struct MediaPresentationTests {
    private static func track(
        _ segments: [MediaPresentation.Segment], independent: Bool = true, frameRate: Double? = nil
    ) -> MediaPresentation.Track {
        MediaPresentation.Track(
            kind: .pictures(width: 1280, height: 720, frameRate: frameRate), codec: "avc1.64001F",
            bandwidth: 10_000_000, timescale: 90_000,
            offset: 450_000, initializationName: "video-init-7.mp4", mediaName: "video-segment-$Number$.m4s",
            startsIndependently: independent, segments: segments)
    }

    @Test func writesPeriodsTracksAndSlots() {
        let sound = MediaPresentation.Track(
            kind: .sound(sampleRate: 44_100, channels: 2), codec: "mp4a.40.2", bandwidth: 584_000, timescale: 48_000,
            offset: 240_000, initializationName: "audio-init-7.mp4", mediaName: "audio-$Number$.m4s",
            startsIndependently: true,
            segments: [
                .init(number: 7, time: 240_000, duration: 96_000), .init(number: 8, time: 336_100, duration: 96_000),
            ])
        let presentation = MediaPresentation(
            publishTime: WallTime(milliseconds: 1_700_000_004_000), updateSeconds: 2, targetSeconds: 4,
            depthSeconds: 36,
            periods: [
                .init(
                    id: "p7", start: 1_700_000_000_123_456_789,
                    tracks: [
                        Self.track(
                            [
                                .init(number: 7, time: 450_000, duration: 180_000),
                                .init(number: 8, time: 630_000, duration: 180_000),
                                .init(number: 9, time: 810_000, duration: 90_000),
                            ]), sound,
                    ],
                    events: [.init(id: 9, name: #"A "B" <C> & D"#, start: 0, duration: 60_000)])
            ])
        #expect(
            presentation.rendered() == """
                <?xml version="1.0" encoding="UTF-8"?>
                <MPD xmlns="urn:mpeg:dash:schema:mpd:2011" profiles="urn:mpeg:dash:profile:isoff-live:2011" type="dynamic" availabilityStartTime="1970-01-01T00:00:00Z" publishTime="2023-11-14T22:13:24.000Z" minimumUpdatePeriod="PT2S" minBufferTime="PT4S" timeShiftBufferDepth="PT36S" suggestedPresentationDelay="PT8S" maxSegmentDuration="PT4S">
                  <Period id="p7" start="PT1700000000.123456S">
                    <EventStream schemeIdUri="urn:lineup:slot:2026" timescale="1000">
                      <Event id="9" presentationTime="0" duration="60000" messageData="A &quot;B&quot; &lt;C&gt; &amp; D"/>
                    </EventStream>
                    <AdaptationSet id="1" contentType="video" mimeType="video/mp4" segmentAlignment="true" startWithSAP="1">
                      <Role schemeIdUri="urn:mpeg:dash:role:2011" value="main"/>
                      <SegmentTemplate timescale="90000" presentationTimeOffset="450000" startNumber="7" initialization="video-init-7.mp4" media="video-segment-$Number$.m4s">
                        <SegmentTimeline>
                          <S t="450000" d="180000" r="1"/>
                          <S d="90000"/>
                        </SegmentTimeline>
                      </SegmentTemplate>
                      <Representation id="video" codecs="avc1.64001F" bandwidth="10000000" width="1280" height="720"/>
                    </AdaptationSet>
                    <AdaptationSet id="2" contentType="audio" mimeType="audio/mp4" segmentAlignment="true" startWithSAP="1">
                      <Role schemeIdUri="urn:mpeg:dash:role:2011" value="main"/>
                      <SegmentTemplate timescale="48000" presentationTimeOffset="240000" startNumber="7" initialization="audio-init-7.mp4" media="audio-$Number$.m4s">
                        <SegmentTimeline>
                          <S t="240000" d="96000"/>
                          <S t="336100" d="96000"/>
                        </SegmentTimeline>
                      </SegmentTemplate>
                      <Representation id="audio" codecs="mp4a.40.2" bandwidth="584000" audioSamplingRate="44100">
                        <AudioChannelConfiguration schemeIdUri="urn:mpeg:dash:23003:3:audio_channel_configuration:2011" value="2"/>
                      </Representation>
                    </AdaptationSet>
                  </Period>
                  <UTCTiming schemeIdUri="urn:mpeg:dash:utc:http-xsdate:2014" value="time"/>
                </MPD>

                """)
    }

    @Test(
        arguments: [
            (30, "30"), (60.0004, "60"), (29.97, "30000/1001"), (59.94006, "60000/1001"), (23.976, "24000/1001"),
            (12.5, "12500/1000"), (nil, nil),
        ] as [(Double?, String?)])
    func writesTheRateOfPicturesAsItIsCounted(rate: Double?, text: String?) {
        let period = MediaPresentation.Period(
            id: "p1", start: 0, tracks: [Self.track([.init(number: 1, time: 0, duration: 1)], frameRate: rate)])
        let presentation = MediaPresentation(
            publishTime: WallTime(milliseconds: 0), updateSeconds: 2, targetSeconds: 4, depthSeconds: 36,
            periods: [period])
        let wanted = text.map { #" height="720" frameRate="\#($0)"/>"# } ?? #" height="720"/>"#
        #expect(presentation.rendered().contains(wanted))
    }

    @Test func promisesNoKeyFramesThatAreNotThere() {
        let presentation = MediaPresentation(
            publishTime: WallTime(milliseconds: 0), updateSeconds: 2, targetSeconds: 4, depthSeconds: 36,
            periods: [
                .init(
                    id: "p1", start: 0,
                    tracks: [Self.track([.init(number: 1, time: 0, duration: 1)], independent: false)])
            ])
        #expect(!presentation.rendered().contains("startWithSAP"))
    }

    @Test func escapesWhatXMLDoesNotTake() {
        #expect(XMLText.escaped("\u{0}\u{1F}\n\u{85}é😀\u{FFFE}'") == "    é😀 '")
        #expect(XMLText.escaped("]]>&lt;") == "]]&gt;&amp;lt;")
    }
}
