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

    @Test(arguments: [
        ([VideoFormat.Codec.hevc], "hvc1.1.6.L123.B0"), ([.h264, .hevc], "avc1.64002A,hvc1.1.6.L123.B0"),
    ])
    func declaresEveryCodecThatMayCome(codecs: [VideoFormat.Codec], names: String) {
        var envelope = Envelope()
        envelope.videoCodecs = Set(codecs)
        let text = MultivariantPlaylist(variants: [.fragmented(name: "media.m3u8", envelope: envelope)]).rendered()
        #expect(text.contains("CODECS=\"\(names),mp4a.40.2\""))
    }

    /// ITU-T H.265, tables A.8 and A.9.
    @Test func namesTheLevelThatHoldsAnHEVCPicture() {
        #expect(CodecString.hevcLevel(width: 1280, height: 720, frameRate: 30) == 93)
        #expect(CodecString.hevcLevel(width: 1920, height: 1080, frameRate: 30) == 120)
        #expect(CodecString.hevcLevel(width: 1920, height: 1080, frameRate: 60) == 123)
        #expect(CodecString.hevcLevel(width: 3840, height: 2160, frameRate: 60) == 153)
        #expect(CodecString.hevcLevel(width: 99_999, height: 99_999, frameRate: 240) == 186)
    }

    /// ISO/IEC 14496-15 §E.3; the third is its own example.
    @Test(
        arguments: [
            ([0x01, 0x60, 0, 0, 0, 0x90, 0, 0, 0, 0, 0, 0x3C], "hvc1.1.6.L60.90"),
            ([0x02, 0x20, 0, 0, 0, 0xB0, 0, 0, 0, 0, 0, 0x99], "hvc1.2.4.L153.B0"),
            ([0x41, 0x60, 0, 0, 0, 0xB0, 0x23, 0, 0, 0, 0, 0x5D], "hvc1.A1.6.L93.B0.23"),
            ([0x24, 0x08, 0, 0, 0, 0x9D, 0x08, 0, 0, 0, 0, 0x78], "hvc1.4.10.H120.9D.8"),
            ([0x01, 0x60, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x5D], "hvc1.1.6.L93"),
        ] as [([UInt8], String)])
    func writesTheCodecOfAnHEVCRecord(general: [UInt8], name: String) {
        var format = VideoFormat(
            codec: .hevc, configuration: [1] + general, parameterSets: [], width: 1, height: 1, frameRate: nil,
            profile: 1, constraints: 0, level: 93)
        #expect(CodecString.of(format) == name)
        format.configuration.removeLast()
        #expect(CodecString.of(format) == "hvc1")
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
