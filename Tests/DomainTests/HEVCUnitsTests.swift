import Domain
import NIOCore
import TestKit
import Testing

/// ITU-T H.265 table 7-1: a unit's first byte is its type, shifted left by one.
struct HEVCUnitsTests {
    @Test(arguments: [
        ("02", HEVCPicture.trailing), ("00", .trailing), ("0e", .leading), ("0c", .leading), ("10", .leading),
        ("12", .leading), ("20", .closedRandomAccess), ("24", .closedRandomAccess), ("26", .closedRandomAccess),
        ("28", .closedRandomAccess), ("2a", .cleanRandomAccess), ("14", .trailing), ("2c", .trailing),
    ])
    func tellsWhatAPictureIsByItsFirstSlice(header: String, picture: HEVCPicture) {
        // A delimiter and an SEI message stand before it.
        #expect(HEVCUnitSummary(buffer("00000003 460150 00000003 4e0105 00000003 \(header)01ac")).picture == picture)
    }

    @Test func makesACleanRandomAccessPictureABrokenLinkInEverySlice() {
        let picture = buffer("00000003 4e0105 00000003 2a01ac 00000003 2b017c")
        #expect(withBrokenLink(picture) == buffer("00000003 4e0105 00000003 2401ac 00000003 25017c"))
        #expect(HEVCUnitSummary(withBrokenLink(picture)).picture == .closedRandomAccess)
        #expect(picture == buffer("00000003 4e0105 00000003 2a01ac 00000003 2b017c"))
    }

    @Test(arguments: ["00000003 2601ac", "00000003 2801ac", "00000003 0201ac", "00000003 2001ac", "000000ff 2a01", ""])
    func letsEveryOtherPictureBe(text: String) {
        #expect(withBrokenLink(buffer(text)) == buffer(text))
    }
}

struct HEVCParameterSetInsertionTests {
    private static let format = VideoFormat(
        codec: .hevc, configuration: [], parameterSets: [bytes("400101"), bytes("420102"), bytes("440103")], width: 2,
        height: 2, frameRate: nil, profile: 1, constraints: 0, level: 60)
    private static let sets = "00000003 400101 00000003 420102 00000003 440103"

    private func inserted(_ payload: String) -> (unit: InBandUnit, whole: ByteBuffer) {
        let unit = withParameterSets(buffer(payload), format: Self.format)
        var whole = unit.front
        whole.writeImmutableBuffer(unit.payload)
        return (unit, whole)
    }

    @Test func putsSetsInFrontWithoutCopyingThePicture() {
        let (unit, whole) = inserted("00000003 4e0105 00000003 2a01ac")
        #expect(unit.front == buffer(Self.sets))
        #expect(whole == buffer(Self.sets + "00000003 4e0105 00000003 2a01ac"))
    }

    @Test func keepsTheDelimiterFirst() {
        #expect(
            inserted("00000003 460150 00000003 2601ac").whole
                == buffer("00000003 460150" + Self.sets + "00000003 2601ac"))
    }

    @Test func leavesAPictureThatHasAllThreeKinds() {
        let whole = Self.sets + "00000003 2601ac"
        #expect(inserted(whole).unit.front.readableBytes == 0)
        #expect(inserted(whole).whole == buffer(whole))
    }

    /// Without its VPS; the picture's own SPS, which differs, holds.
    @Test func completesWhatHasSomeOfThem() {
        let (_, whole) = inserted("00000003 420109 00000003 440103 00000003 2601ac")
        #expect(whole == buffer(Self.sets + "00000003 420109 00000003 2601ac"))
    }

    @Test func knowsNoSetsOfOtherCodecs() {
        var format = Self.format
        format.codec = .av1
        #expect(withParameterSets(buffer("00000003 2601ac"), format: format).front.readableBytes == 0)
    }
}

struct HEVCRecordTests {
    /// The VPS, SPS and PPS that x265 gives for a 320x180 picture at 25 pictures a second (`HEVCConfigurationTests`), emulation prevention
    /// in its profile and all.
    private static let units = [
        bytes("40010c01ffff01600000030090000003000003003c911009"),
        bytes("42010101600000030090000003000003003ca00a080c1f3e591112930bc05a0200000300020000030032" + "10"),
        bytes("4401c073c189"),
    ]

    @Test func writesARecordThatReadsBackAsTheEncoderMeant() throws {
        // An SEI message among them is none of a record's business.
        let record = try HEVCConfiguration.record(of: [Self.units[0], bytes("4e0105"), Self.units[1], Self.units[2]])
        #expect(record.prefix(23) == ArraySlice(bytes("01 01 60000000 900000000000 3c f000 fc fd f8 f8 0000 0f 03")))
        let read = try HEVCConfiguration(ByteBuffer(bytes: record))
        #expect(read.lengthSize == 4)
        #expect(read.format.parameterSets == Self.units)
        #expect(read.format.width == 320 && read.format.height == 180 && read.format.level == 60)
        #expect(read.format.configuration == record)
    }

    @Test(arguments: 0..<3) func needsOneOfEach(left: Int) {
        var units = Self.units
        units.remove(at: left)
        #expect(throws: CodecError.self) { try HEVCConfiguration.record(of: units) }
    }

    @Test func survivesAnEmptyUnitAndACutOne() {
        #expect(throws: CodecError.self) {
            try HEVCConfiguration.record(of: [[], Self.units[0], [0x42, 1, 1], Self.units[2]])
        }
    }
}

struct EnvelopeCodecTests {
    private static func format(_ codec: VideoFormat.Codec) -> TrackFormat {
        .video(.synthetic(width: 1280, frameRate: nil, mark: 1, codec: codec))
    }

    @Test func takesHEVCWhereTheChannelSaysSo() {
        var envelope = Envelope()
        #expect(envelope.codecReason(Self.format(.hevc))?.contains("takes H.264: set the encoder to x264") == true)
        envelope.videoCodecs = [.h264, .hevc]
        #expect(envelope.codecReason(Self.format(.hevc)) == nil && envelope.codecReason(Self.format(.h264)) == nil)
        envelope.videoCodecs = [.hevc]
        #expect(
            envelope.codecReason(Self.format(.h264))?.contains("takes HEVC (H.265): set the encoder to x265") == true)
    }

    @Test func ofHEVCTakesTheMainProfileOnly() {
        var envelope = Envelope()
        envelope.videoCodecs = [.hevc]
        var format = VideoFormat.synthetic(width: 1280, frameRate: nil, mark: 1, codec: .hevc)
        format.profile = 2
        #expect(envelope.codecReason(.video(format))?.contains("profile main") == true)
        // Another profile that says it can be decoded as Main: general_profile_compatibility_flag[1].
        format.configuration = bytes("01 02 60000000")
        #expect(envelope.codecReason(.video(format)) == nil)
        format.bitDepth = 10
        #expect(envelope.codecReason(.video(format))?.contains("4:2:0 with 8 bits") == true)
    }
}
