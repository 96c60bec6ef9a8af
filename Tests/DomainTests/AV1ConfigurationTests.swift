import Domain
import NIOCore
import TestKit
import Testing

/// `ffmpeg -f lavfi -i testsrc2=s=320x180:r=25 -c:v libaom-av1 -cpu-used 8`, its `av1C` and the begin of its units; the second
/// with libsvtav1 and `-pix_fmt yuv420p10le`.
private enum Sample {
    static let libaom = "81000c00 0a0b 000000043cfeccdaf90040"
    static let svt = "81004c00 0a0b 000000043cfecc02f84040"
    static let sequenceHeader = "0a0b 000000043cfeccdaf90040"
    /// Cut: the frame's size says 6.
    static let keyFrame = sequenceHeader + "3206 1400a0b010d8"
    static let interFrame = "3206 290470200000"
    static let shownAgain = "1a01 b8"
}

struct AV1ConfigurationTests {
    @Test func readsSizeAndDepth() throws {
        let format = try AV1Configuration(buffer(Sample.libaom)).format
        #expect(format.codec == .av1 && format.width == 320 && format.height == 180)
        #expect(format.profile == 0 && format.level == 0 && !format.isHighTier)
        #expect(format.chromaFormat == 1 && format.bitDepth == 8)
        #expect(format.frameRate == nil)
        #expect(format.configuration == bytes(Sample.libaom))
        let tenBits = try AV1Configuration(buffer(Sample.svt)).format
        #expect(tenBits.bitDepth == 10 && tenBits.width == 320)
        #expect(tenBits.configuration == bytes(Sample.svt))
    }

    /// profile 000 · still 0 · reduced 0 · timing 1: tick 1, scale 60, equal 1, ticks 1 (uvlc 1) · decoder model 0 · delay 0 ·
    /// points 00000 · idc 0…0 · level 01001 · tier 1 · size bits 1000, 0111 · 319, 179 · the rest as libaom's.
    @Test func readsTheRateOfTimingInformationAndTheTier() throws {
        var bits = "000" + "0" + "0" + "1" + pad(1, 32) + pad(60, 32) + "1" + "1" + "0" + "0" + "00000" + pad(0, 12)
        bits += "01001" + "1" + "1000" + "0111" + pad(319, 9) + pad(179, 8) + "0" + "000" + "0000" + "0" + "1" + "1"
        bits += "000" + "0" + "0" + "0" + "0" + "00" + "0" + "1"
        let unit = [0x0A, UInt8((bits.count + 7) / 8)] + packed(bits)
        let format = try AV1Configuration(ByteBuffer(bytes: bytes("81000c00") + unit)).format
        #expect(format.frameRate == 60 && format.level == 9 && format.isHighTier)
        #expect(format.width == 320 && format.height == 180)
    }

    private func pad(_ value: Int, _ count: Int) -> String {
        let digits = String(value, radix: 2)
        return String(repeating: "0", count: count - digits.count) + digits
    }

    private func packed(_ bits: String) -> [UInt8] {
        var bits = bits[...]
        var result: [UInt8] = []
        while !bits.isEmpty {
            let byte = bits.prefix(8)
            result.append((UInt8(byte, radix: 2) ?? 0) << UInt8(8 - byte.count))
            bits = bits.dropFirst(8)
        }
        return result
    }

    @Test func takesARecordWithoutItsSequenceHeader() throws {
        var configuration = try AV1Configuration(buffer("81004c00"))
        #expect(configuration.format.width == 0 && configuration.format.bitDepth == 10)
        let header = try #require(AV1Units(buffer(Sample.keyFrame)).sequenceHeader)
        try configuration.update(header)
        #expect(configuration.format.width == 320 && configuration.format.configuration == bytes(Sample.libaom))
    }

    @Test func takesTheDescriptorOfATransportStream() throws {
        #expect(try AV1Configuration(transportDescriptor: buffer("80 04 81004c00")).format.bitDepth == 10)
        #expect(try AV1Configuration(transportDescriptor: buffer("81004c00")).format.bitDepth == 10)
        #expect(throws: CodecError.self) { try AV1Configuration(transportDescriptor: buffer("80 04 81004c")) }
    }

    @Test func findsKeyFramesInTheFrameHeader() {
        #expect(AV1Units(buffer(Sample.keyFrame)).startsWithKeyFrame)
        for other in [Sample.interFrame, Sample.shownAgain] {
            let units = AV1Units(buffer(other))
            #expect(!units.startsWithKeyFrame && units.containsPicture && !units.isBroken)
        }
        // With a temporal delimiter (12 00) first, and without a size on the last unit (30).
        let units = AV1Units(buffer("1200" + Sample.sequenceHeader + "30 1400a0"))
        #expect(units.startsWithKeyFrame && units.sequenceHeader != nil)
        #expect(!AV1Units(buffer("1200")).containsPicture)
    }

    @Test func namesWhatIsWrong() {
        for (record, word) in [
            ("80000c00", "version"), ("81600c00", "seq_profile"), ("81000c00 0aff", "sizes"),
            ("81000c00 0a0b e00000043cfeccdaf90040", "seq_profile"), ("81000c00 0a04 00000004", "too early"),
        ] {
            let error = #expect(throws: CodecError.self) { try AV1Configuration(buffer(record)) }
            #expect(error?.message.contains(word) == true, "\(record): \(error?.message ?? "")")
        }
        #expect(throws: CodecError.self) {
            try AV1Configuration(buffer("81000c00" + String(repeating: "1200", count: 2047)))
        }
    }

    @Test func refusesSizesThatRunAway() {
        for unit in ["0a ffffffffffffffff", "0a ffffffff7f", "0e", "0a", "8a00"] {
            #expect(AV1Units(buffer(unit)).isBroken, "\(unit)")
        }
    }

    @Test func survivesEveryTruncationAndDamagedByte() {
        let record = bytes(Sample.libaom)
        // Four bytes are a record that waits for its sequence header.
        for length in 0..<record.count where length != 4 {
            #expect(throws: CodecError.self, "\(length) bytes") {
                try AV1Configuration(ByteBuffer(bytes: record.prefix(length)))
            }
        }
        for index in record.indices {
            for value in 0...255 as ClosedRange<UInt8> {
                var damaged = record
                damaged[index] = value
                _ = try? AV1Configuration(ByteBuffer(bytes: damaged))
                _ = AV1Units(ByteBuffer(bytes: damaged))
            }
        }
    }
}
