import Domain
import HLS
import Testing

@Suite struct MediaPlaylistTests {
    private func segment(
        _ number: Int, _ seconds: Double, discontinuous: Bool = false, map: String = "init-7.mp4",
        independent: Bool = true
    ) -> MediaPlaylist.Segment {
        MediaPlaylist.Segment(
            name: "segment-\(number).m4s", duration: .seconds(seconds), isDiscontinuous: discontinuous,
            initializationName: map,
            programDateTime: WallTime(milliseconds: 1_700_000_000_123 + Int64(number) * 4000),
            isIndependent: independent)
    }

    @Test func rendersMapAgainOnlyWhereItChanges() {
        let playlist = MediaPlaylist(
            targetDuration: 4, mediaSequence: 7, discontinuitySequence: 2,
            segments: [
                segment(7, 4, discontinuous: true), segment(8, 2.033_333_333),
                segment(9, 0.000_001, discontinuous: true, map: "init-9.mp4"),
            ])
        #expect(
            playlist.rendered() == """
                #EXTM3U
                #EXT-X-VERSION:9
                #EXT-X-INDEPENDENT-SEGMENTS
                #EXT-X-TARGETDURATION:4
                #EXT-X-MEDIA-SEQUENCE:7
                #EXT-X-DISCONTINUITY-SEQUENCE:2
                #EXT-X-DISCONTINUITY
                #EXT-X-MAP:URI="init-7.mp4"
                #EXT-X-PROGRAM-DATE-TIME:2023-11-14T22:13:48.123Z
                #EXTINF:4.000000,
                segment-7.m4s
                #EXT-X-PROGRAM-DATE-TIME:2023-11-14T22:13:52.123Z
                #EXTINF:2.033333,
                segment-8.m4s
                #EXT-X-DISCONTINUITY
                #EXT-X-MAP:URI="init-9.mp4"
                #EXT-X-PROGRAM-DATE-TIME:2023-11-14T22:13:56.123Z
                #EXTINF:0.000001,
                segment-9.m4s

                """)
    }

    @Test func claimsIndependentSegmentsOnlyWhileAllAre() {
        let playlist = MediaPlaylist(
            targetDuration: 4, mediaSequence: 1, discontinuitySequence: 0,
            segments: [segment(1, 4), segment(2, 4, independent: false)])
        #expect(
            playlist.rendered() == """
                #EXTM3U
                #EXT-X-VERSION:9
                #EXT-X-TARGETDURATION:4
                #EXT-X-MEDIA-SEQUENCE:1
                #EXT-X-DISCONTINUITY-SEQUENCE:0
                #EXT-X-MAP:URI="init-7.mp4"
                #EXT-X-PROGRAM-DATE-TIME:2023-11-14T22:13:24.123Z
                #EXTINF:4.000000,
                segment-1.m4s
                #EXT-X-PROGRAM-DATE-TIME:2023-11-14T22:13:28.123Z
                #EXTINF:4.000000,
                segment-2.m4s

                """)
    }
}

@Suite struct MultivariantPlaylistTests {
    @Test func declaresTheEnvelope() {
        let playlist = MultivariantPlaylist(variants: [
            .fragmented(name: "media.m3u8", envelope: Envelope()), .audio(name: "audio.m3u8", envelope: Envelope()),
        ])
        #expect(
            playlist.rendered() == """
                #EXTM3U
                #EXT-X-VERSION:6
                #EXT-X-STREAM-INF:BANDWIDTH=10100000,AVERAGE-BANDWIDTH=10100000,CODECS="avc1.64002A,mp4a.40.2",RESOLUTION=1920x1080,FRAME-RATE=60.000
                media.m3u8
                #EXT-X-STREAM-INF:BANDWIDTH=584000,AVERAGE-BANDWIDTH=584000,CODECS="mp4a.40.2"
                audio.m3u8

                """)
    }

    @Test func declaresMoreForATransportStream() {
        let playlist = MultivariantPlaylist(variants: [.transportStream(name: "ts.m3u8", envelope: Envelope())])
        #expect(
            playlist.rendered() == """
                #EXTM3U
                #EXT-X-VERSION:6
                #EXT-X-STREAM-INF:BANDWIDTH=10800000,AVERAGE-BANDWIDTH=10800000,CODECS="avc1.64002A,mp4a.40.2",RESOLUTION=1920x1080,FRAME-RATE=60.000
                ts.m3u8

                """)
    }

    @Test func namesTheLevelThatHoldsThePicture() {
        #expect(CodecString.h264Level(width: 1280, height: 720, frameRate: 30) == 31)
        #expect(CodecString.h264Level(width: 1920, height: 1080, frameRate: 30) == 40)
        #expect(CodecString.h264Level(width: 1920, height: 1080, frameRate: 60) == 42)
        #expect(CodecString.h264Level(width: 3840, height: 2160, frameRate: 60) == 52)
        #expect(CodecString.h264Level(width: 99_999, height: 99_999, frameRate: 240) == 52)
    }

    @Test func writesCodecsOfFormats() {
        let video = VideoFormat(
            configuration: [], parameterSets: [], width: 1, height: 1, frameRate: nil, profile: 77, constraints: 0x40,
            level: 9)
        #expect(CodecString.of(video) == "avc1.4D4009")
        #expect(
            CodecString.of(AudioFormat(configuration: [], objectType: 5, sampleRate: 44_100, channels: 2))
                == "mp4a.40.5")
    }
}
