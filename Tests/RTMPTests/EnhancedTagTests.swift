import Domain
import NIOCore
import RTMP
import TestKit
import Testing

/// Enhanced RTMP v2: packets of every kind, and the codecs that only it carries.
struct EnhancedTagTests {
    private static let avc =
        "0164000cffe1001a6764000cacd941419f9f011000000300100000030320f142996001000468ef8fcbfdf8f800"
    private static let hevc =
        "0101600000009000000000003cf000fcfdf8f800000f0320000100"
        + "1840010c01ffff01600000030090000003000003003c911009210001002b"
        + "42010101600000030090000003000003003ca00a080c1f3e591112930bc05a02000003000200000300321022000100064401c073c189"
    private static let av1 = "81000c00 0a0b 000000043cfeccdaf90040"
    private static let av1KeyFrame = "0a0b 000000043cfeccdaf90040 3206 1400a0b010d8"
    private static let vp9 = "01000000 00 0b 82 020202 0000"
    private static let vp9KeyFrame = "824983420013f00b360638241c184a00"
    private static let slice = "00000002 6588"

    /// Every event of one tag, in words.
    private func lines(
        _ decoder: inout MediaTagDecoder, video: String? = nil, audio: String? = nil, at timestamp: UInt32 = 0
    ) throws -> [String] {
        var event: MediaEvent?
        if let video { event = try decoder.videoReceived(buffer(video), timestamp: timestamp) }
        if let audio { event = try decoder.audioReceived(buffer(audio), timestamp: timestamp) }
        var lines: [String] = []
        while let next = event {
            lines.append(Self.describe(next))
            event = decoder.nextEvent()
        }
        return lines
    }

    private static func describe(_ event: MediaEvent) -> String {
        switch event {
        case .metadata: "metadata"
        case .format(.video(let format)): "\(format.codec) \(format.width)x\(format.height)"
        case .format(.audio(let format)): "\(format.codec) \(format.sampleRate) \(format.channels)"
        case .unit(let unit):
            "\(unit.decodeTime.nanoseconds) \((unit.presentationTime - unit.decodeTime).nanoseconds)"
                + (unit.isKeyFrame ? " key" : "") + " \(hexadecimal(unit.payload.readableBytesView))"
        case .refused(let track, let reason): "refused \(track): \(reason)"
        case .leftOut(let track, _): "left out \(track)"
        }
    }

    // MARK: Codecs

    @Test func readsHEVCWithItsFourCCAndWithTheOldCodecID() throws {
        for (start, key, inter) in [
            ("90 68766331", "91 68766331 000050", "a3 68766331"), ("1c 00 000000", "2c 01 000050", "1c 01 000000"),
        ] {
            var decoder = MediaTagDecoder()
            #expect(try lines(&decoder, video: start + Self.hevc) == ["hevc 320x180"])
            #expect(
                try lines(&decoder, video: key + "00000004 2801ac74", at: 40) == [
                    "40000000 80000000 key 000000042801ac74"
                ])
            // The container says "key"; the unit's type does not.
            #expect(
                try lines(&decoder, video: inter + "00000004 0201d019", at: 80) == ["80000000 0 000000040201d019"])
        }
    }

    @Test func readsAV1AndItsDescriptorOfATransportStream() throws {
        var decoder = MediaTagDecoder()
        #expect(try lines(&decoder, video: "90 61763031" + Self.av1) == ["av1 320x180"])
        #expect(try lines(&decoder, video: "a1 61763031" + Self.av1KeyFrame).count == 1)
        var fromDescriptor = MediaTagDecoder()
        #expect(try lines(&fromDescriptor, video: "95 61763031 8004 81000c00").isEmpty)
        #expect(try lines(&fromDescriptor, video: "a1 61763031 3206 290470200000").isEmpty)
        let first = try lines(&fromDescriptor, video: "a1 61763031" + Self.av1KeyFrame)
        #expect(first.first == "av1 320x180" && first.last?.contains("key") == true)
    }

    @Test func readsVP9WhoseKeyFramesHaveTheSize() throws {
        var decoder = MediaTagDecoder()
        #expect(try lines(&decoder, video: "90 76703039" + Self.vp9).isEmpty)
        #expect(try lines(&decoder, video: "a1 76703039 86004092").isEmpty)
        #expect(
            try lines(&decoder, video: "a1 76703039" + Self.vp9KeyFrame)
                == ["vp9 320x180", "0 0 key \(Self.vp9KeyFrame)"])
        #expect(try lines(&decoder, video: "91 76703039 86004092", at: 40) == ["40000000 0 86004092"])
        #expect(try lines(&decoder, video: "91 76703039" + Self.vp9KeyFrame, at: 80).count == 1)
    }

    @Test func readsTheSoundsThatHaveAConfiguration() throws {
        for (start, frame, format) in [
            ("90 4f707573 4f70757348656164 01 02 3801 80bb0000 0000 00", "91 4f707573 fcb4", "opus 48000 2"),
            (
                "90 664c6143 664c6143 80000022 12001200 0000fc000511 0bb802f000003840 e5f051c128e84992c0cba99724092b51",
                "91 664c6143 fcb4", "flac 48000 2"
            ),
            ("90 6d703461 1190", "91 6d703461 fcb4", "aac 48000 2"),
        ] {
            var decoder = MediaTagDecoder()
            #expect(try lines(&decoder, audio: frame).isEmpty)
            #expect(try lines(&decoder, audio: start) == [format])
            #expect(try lines(&decoder, audio: frame, at: 20) == ["20000000 0 key fcb4"])
            #expect(try lines(&decoder, audio: "92" + start.dropFirst(2).prefix(9)).isEmpty)
        }
    }

    @Test func readsTheSoundsWhoseFramesSayEverything() throws {
        for (head, frame, format) in [
            ("91 2e6d7033", "fffb906400000238", "mp3 44100 2"), ("2f", "fff340c400143886", "mp3 22050 1"),
            ("ee", "ffe348c400143886", "mp3 8000 1"), ("91 61632d33", "0b77b50b1e40ebf8", "ac3 48000 6"),
            ("91 65632d33", "0b77017f3487c000", "eac3 48000 2"),
        ] {
            var decoder = MediaTagDecoder()
            #expect(try lines(&decoder, audio: head + frame) == [format, "0 0 key \(frame)"])
            #expect(try lines(&decoder, audio: head + frame, at: 24) == ["24000000 0 key \(frame)"])
            for step in 0..<10 as Range<UInt32> {
                let refused = try lines(&decoder, audio: head + "00112233", at: 48 + step)
                #expect(refused.isEmpty == (step < 9))
            }
        }
    }

    @Test func refusesSoundThatIsNotWhatItsNameSays() throws {
        var decoder = MediaTagDecoder()
        for _ in 0..<9 { _ = try lines(&decoder, audio: "91 61632d33 0b77017f3487c000") }
        let last = try lines(&decoder, audio: "91 61632d33 0b77017f3487c000")
        #expect(last.first?.contains("announced as AC-3 and is E-AC-3") == true)
    }

    // MARK: Packets

    @Test func stepsOverEndsCommandsMetadataAndWhatIsReserved() throws {
        var decoder = MediaTagDecoder()
        for tag in [
            "92 61766331", "d1 00", "94 61766331 0200", "d4 61766331 0200", "98 61766331", "5700", "17 02 000000",
        ] {
            #expect(try lines(&decoder, video: tag).isEmpty, "\(tag)")
        }
        for tag in ["92 6d703461", "93 6d703461", "9f 6d703461", "af 02"] {
            #expect(try lines(&decoder, audio: tag).isEmpty, "\(tag)")
        }
    }

    private func started() throws -> MediaTagDecoder {
        var decoder = MediaTagDecoder()
        _ = try lines(&decoder, video: "90 61766331" + Self.avc)
        _ = try lines(&decoder, audio: "90 6d703461 1190")
        return decoder
    }

    @Test func addsNanosecondsToBothTimes() throws {
        var decoder = try started()
        let picture = "61766331 000028" + Self.slice
        let one = try lines(&decoder, video: "97 02 0f423f 01" + picture, at: 1)
        #expect(one == ["1999999 40000000 key 000000026588"])
        // Beyond a millisecond, of an unknown kind, too short: as without.
        for modifier in ["02 0f4240 01", "02 000001 11", "01 0001 01"] {
            #expect(
                try lines(&decoder, video: "97" + modifier + picture, at: 1) == ["1000000 40000000 key 000000026588"])
        }
        // Two in a chain: an unknown one, then the offset.
        let chained = try lines(&decoder, video: "97 00 aa 17 02 000007 01" + picture, at: 1)
        #expect(chained == ["1000007 40000000 key 000000026588"])
        let sound = try lines(&decoder, audio: "97 02 0003e8 01 6d703461 2110", at: 2)
        #expect(sound == ["2001000 0 key 2110"])
    }

    @Test(arguments: [1, 3, 254, 255, 256, 257, 65_536]) func readsModifiersOfEverySize(size: Int) throws {
        var decoder = try started()
        var tag = buffer("97")
        if size < 256 {
            tag.writeInteger(UInt8(size - 1))
        } else {
            tag.writeInteger(UInt8(255))
            tag.writeInteger(UInt16(size - 1))
        }
        tag.writeBytes([0, 0, 9].prefix(size) + [UInt8](repeating: 0xEE, count: max(0, size - 3)))
        tag.writeBytes(bytes("03 61766331" + Self.slice))
        guard case .unit(let unit)? = try decoder.videoReceived(tag, timestamp: 0) else {
            Issue.record("no unit")
            return
        }
        #expect(unit.decodeTime.nanoseconds == (size < 3 ? 0 : 9))
        #expect(unit.payload == buffer(Self.slice))
    }

    // MARK: Several tracks

    /// An id is a byte: what holds more tracks than there are ids is made to cost.
    @Test func refusesATagWithMoreTracksThanThereAreIDs() throws {
        let track = "01 000000"
        for (count, isTaken) in [(256, true), (257, false), (60_000, false)] {
            var decoder = MediaTagDecoder()
            let told = try lines(
                &decoder, video: "96 11 61766331" + String(repeating: track, count: count))
            #expect(told.contains { $0.hasPrefix("refused video: A multitrack tag holds more than 256") } == !isTaken)
        }
    }

    @Test func takesTheFirstTrackOfEveryArrangement() throws {
        let body = "000028" + Self.slice
        let expected = "0 40000000 key 000000026588"
        var decoder = try started()
        // One track: codec, id, body.
        #expect(try lines(&decoder, video: "96 01 61766331 00" + body) == [expected])
        // Many tracks of one codec: id, size, body.
        #expect(
            try lines(&decoder, video: "96 11 61766331 01 000009" + body + "00 000009" + body)
                == ["left out video", expected])
        // Many tracks of many codecs: codec, id, size, body.
        #expect(
            try lines(&decoder, video: "96 21 61766331 00 000009" + body + "68766331 02 000002 aabb") == [expected])
        #expect(decoder.unitsLeftOut == 2)
        // A track beside the first alone, and a second track 0.
        #expect(try lines(&decoder, video: "96 01 61766331 03" + body).isEmpty)
        #expect(try lines(&decoder, video: "96 11 61766331 00 000009" + body + "00 000009" + body) == [expected])
        #expect(decoder.unitsLeftOut == 3)
    }

    /// Whoever keeps the first track's few bytes does not keep the megabyte beside them.
    @Test func aSmallTrackLeavesTheLargeOneBesideIt() throws {
        var decoder = try started()
        var body = buffer("96 11 61766331 00 000009 000028" + Self.slice + "01 100000")
        body.writeRepeatingByte(0, count: 1 << 20)
        guard case .leftOut? = try decoder.videoReceived(body, timestamp: 0),
            case .unit(let unit)? = decoder.nextEvent()
        else {
            Issue.record("no picture")
            return
        }
        #expect(unit.payload == buffer(Self.slice))
        #expect(unit.payload.storageCapacity < 64)
    }

    @Test func takesTheFirstTrackOfSound() throws {
        var decoder = MediaTagDecoder()
        #expect(
            try lines(&decoder, audio: "95 10 6d703461 00 000002 1190 01 000002 1208")
                == ["left out audio", "aac 48000 2"])
        #expect(try lines(&decoder, audio: "95 21 4f707573 01 000001 aa 6d703461 00 000002 2110") == ["0 0 key 2110"])
        #expect(try lines(&decoder, audio: "97 02 000001 05 01 6d703461 00 2110") == ["1 0 key 2110"])
    }

    @Test func refusesArrangementsThatDoNotExist() throws {
        var decoder = try started()
        #expect(try lines(&decoder, video: "96 31 61766331 00").first?.contains("arrangement") == true)
        #expect(try lines(&decoder, video: "96 06 61766331 00").first?.contains("another one") == true)
        #expect(try lines(&decoder, audio: "95 05 6d703461 00").first?.contains("another one") == true)
    }

    @Test func readsWhichSpeakersTheChannelsAreFor() throws {
        var decoder = try started()
        #expect(try lines(&decoder, audio: "94 6d703461 00 06").isEmpty)
        #expect(decoder.multichannelLayout == .unspecified(channels: 6))
        _ = try lines(&decoder, audio: "94 6d703461 01 06 0000003f")
        #expect(decoder.multichannelLayout == .native(0x3F))
        _ = try lines(&decoder, audio: "94 6d703461 02 02 01 00")
        #expect(decoder.multichannelLayout == .custom([1, 0]))
        #expect(decoder.multichannelLayout?.channels == 2)
        for (tag, word) in [
            ("94 6d703461 00 00", "channelCount"), ("94 6d703461 01 05 0000003f", "audioChannelFlags"),
            ("94 6d703461 03 02", "audioChannelOrder"),
        ] {
            #expect(try lines(&decoder, audio: tag).first?.contains(word) == true, "\(tag)")
        }
        #expect(decoder.multichannelLayout == .custom([1, 0]))
    }

    @Test func survivesEveryTruncationAndDamagedByte() throws {
        let video = [
            "90 68766331" + Self.hevc, "1c 00 000000" + Self.hevc, "90 61763031" + Self.av1,
            "91 61763031" + Self.av1KeyFrame,
            "90 76703039" + Self.vp9, "91 76703039" + Self.vp9KeyFrame,
            "97 00 aa 17 02 000007 01 61766331 000028" + Self.slice,
            "96 21 61766331 00 000009 000028 00000002 6588 68766331 02 000002 aabb", "95 61763031 8004 81000c00",
        ]
        let audio = [
            "97 02 000001 05 11 6d703461 01 000001 aa 00 000002 2110", "94 6d703461 01 06 0000003f", "2f fffb9064",
            "91 61632d33 0b77b50b1e40ebf8", "90 4f707573 4f70757348656164 01 02 3801 80bb0000 0000 00",
        ]
        for (tags, isVideo) in [(video, true), (audio, false)] {
            for whole in tags.map(bytes) {
                for length in 0..<whole.count { try feed(Array(whole.prefix(length)), isVideo) }
                for index in whole.indices {
                    for value in [0, 1, 0x7F, 0x80, 0xFF] as [UInt8] {
                        var damaged = whole
                        damaged[index] = value
                        try feed(damaged, isVideo)
                    }
                }
            }
        }
    }

    private func feed(_ tag: [UInt8], _ isVideo: Bool) throws {
        var decoder = try started()
        let body = ByteBuffer(bytes: tag)
        _ = try isVideo ? decoder.videoReceived(body, timestamp: 0) : decoder.audioReceived(body, timestamp: 0)
        while decoder.nextEvent() != nil {}
    }

    // MARK: Encoder and decoder

    @Test func readsBackWhatTheEncoderWritesForEveryCodec() throws {
        let pictures: [(VideoFormat.Codec, String, String)] = [
            (.h264, Self.avc, Self.slice), (.hevc, Self.hevc, "000000042801ac74"), (.av1, Self.av1, Self.av1KeyFrame),
            (.vp9, Self.vp9, Self.vp9KeyFrame),
        ]
        for (codec, record, picture) in pictures {
            var format = VideoFormat(
                configuration: bytes(record), parameterSets: [], width: 0, height: 0, frameRate: nil, profile: 0,
                constraints: 0, level: 0)
            format.codec = codec
            var decoder = MediaTagDecoder()
            var events = [try decoder.videoReceived(MediaTagEncoder.configuration(of: format), timestamp: 0)]
            var body = MediaTagEncoder.header(codec, isKeyFrame: true, compositionOffset: 0).buffer
            body.writeBytes(bytes(picture))
            events.append(try decoder.videoReceived(body, timestamp: 40))
            while let event = decoder.nextEvent() { events.append(event) }
            let lines = events.compactMap { $0 }.map(Self.describe)
            #expect(lines == ["\(codec) 320x180", "40000000 0 key \(hexadecimal(bytes(picture)))"])
        }
    }
}
