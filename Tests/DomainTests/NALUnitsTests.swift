import Domain
import NIOCore
import TestKit
import Testing

struct NALUnitsTests {
    @Test func walksUnitsWithLengthsOfEachSize() {
        #expect(Array(NALUnits(buffer("00000002 09f0 00000003 658880"))).map(\.type) == [9, 5])
        #expect(Array(NALUnits(buffer("0002 09f0 0003 658880"), lengthSize: 2)).map(\.type) == [9, 5])
        #expect(Array(NALUnits(buffer("02 09f0 03 658880"), lengthSize: 1)).map(\.type) == [9, 5])
    }

    @Test func findsAnIDRBehindOtherUnits() {
        let summary = NALUnitSummary(buffer("00000002 09f0 00000002 0605 00000002 6588"))
        #expect(summary.containsIDR && summary.containsPicture && !summary.isBroken)
    }

    @Test func doesNotTakeAnOrdinarySliceForAKeyFrame() {
        let summary = NALUnitSummary(buffer("00000002 419a"))
        #expect(!summary.containsIDR && summary.containsPicture)
    }

    @Test func stopsAtALengthThatReachesPastTheEnd() {
        #expect(NALUnitSummary(buffer("00000003 6588")).isBroken)
        #expect(NALUnitSummary(buffer("ffffffff 6588")).isBroken)
        #expect(NALUnitSummary(buffer("00000002 6588 0000")).isBroken)
    }

    @Test func skipsEmptyUnits() {
        let summary = NALUnitSummary(buffer("00000000 00000002 6588"))
        #expect(summary.hasEmptyUnits && summary.containsIDR && !summary.isBroken)
    }

    @Test func rewritesShortLengths() {
        let converted = withFourByteLengths(buffer("0002 09f0 0000 0002 6588"), lengthSize: 2)
        #expect(converted == buffer("00000002 09f0 00000002 6588"))
    }
}

struct ParameterSetInsertionTests {
    private static let format = VideoFormat(
        configuration: [], parameterSets: [bytes("6701"), bytes("6802")], width: 2, height: 2, frameRate: nil,
        profile: 66,
        constraints: 0, level: 10)
    private static let sets = "00000002 6701 00000002 6802"

    private func inserted(_ payload: String) -> ByteBuffer {
        let unit = withParameterSets(buffer(payload), format: Self.format)
        var whole = unit.front
        whole.writeImmutableBuffer(unit.payload)
        return whole
    }

    /// The picture's bytes are where they were: nothing was copied (issue 3, must 8).
    @Test(arguments: ["00000002 6588", "00000002 09f0 00000002 0601 00000002 6588"])
    func aKeyFrameWithoutSetsIsNotCopied(payload: String) {
        let payload = buffer(payload)
        let unit = withParameterSets(payload, format: Self.format)
        let end = { (bytes: ByteBuffer) in
            bytes.withUnsafeReadableBytes { $0.baseAddress.map { $0 + bytes.readableBytes } }
        }
        #expect(unit.front.readableBytes >= 12)
        #expect(end(unit.payload) == end(payload))
    }

    @Test func putsTheSetsBeforeAKeyFrame() {
        #expect(inserted("00000002 6588") == buffer(Self.sets + "00000002 6588"))
    }

    @Test func leavesTheDelimiterFirst() {
        #expect(inserted("00000002 09f0 00000002 6588") == buffer("00000002 09f0" + Self.sets + "00000002 6588"))
        #expect(inserted("00000002 6588 00000002 09f0") == buffer("00000002 09f0" + Self.sets + "00000002 6588"))
    }

    @Test func leavesAUnitAloneThatHasItsSets() {
        let complete = "00000002 09f0 00000002 6777 00000002 6888 00000002 6588"
        #expect(inserted(complete) == buffer(complete))
    }

    @Test func completesAUnitThatHasOnlyOneOfThem() {
        #expect(inserted("00000002 6701 00000002 6588") == buffer(Self.sets + "00000002 6588"))
    }

    @Test func movesLateSetsBeforeTheSlice() {
        #expect(
            inserted("00000002 6588 00000002 6777 00000002 6888")
                == buffer(Self.sets + "00000002 6777 00000002 6888 00000002 6588"))
    }
}
