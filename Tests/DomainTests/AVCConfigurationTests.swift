import Domain
import NIOCore
import TestKit
import Testing

/// Records as x264 writes them into FLV.
private enum Record {
    static let high180p25 = """
        01 64 00 0c ff e1 001a 6764000cacd941419f9f011000000300100000030320f1429960 01 0004 68ef8fcb fdf8f800
        """
    static let high180p25SPS = "6764000cacd941419f9f011000000300100000030320f1429960"
    static let main1080p5994 = """
        01 4d 40 2a ff e1 0018 674d402aeca03c0113f2e022000007d20003a9801e30632c 01 0004 68ef8fc8
        """
    static let high422 = """
        01 7a 00 1e ff e1 001a 677a001ebcd940a02ff89c0440000003004000000f03c58b6580 01 0004 68ef8fcb fef8f800
        """
    static let baseline576p = "01 42 c0 1e ff e1 0018 6742c01eda02d049b011000003000100000300320f162ea0 01 0004 68ce0fc8"
}

struct AVCConfigurationTests {
    @Test func readsSizeRateAndProfile() throws {
        let format = try AVCConfiguration(buffer(Record.high180p25)).format
        #expect(format.width == 320)
        #expect(format.height == 180)
        #expect(format.frameRate == 25)
        #expect(format.profile == 0x64 && format.constraints == 0 && format.level == 0x0C)
        #expect(format.chromaFormat == 1)
        #expect(format.bitDepth == 8)
        #expect(format.parameterSets == [bytes(Record.high180p25SPS), bytes("68ef8fcb")])
    }

    @Test func readsCroppedSizeAndFractionalRate() throws {
        let format = try AVCConfiguration(buffer(Record.main1080p5994)).format
        #expect(format.width == 1920)
        #expect(format.height == 1080)
        #expect(abs((format.frameRate ?? 0) - 60_000.0 / 1001) < 0.001)
    }

    @Test func readsChromaFormatsBeyondTheOrdinary() throws {
        let format = try AVCConfiguration(buffer(Record.high422)).format
        #expect(format.chromaFormat == 2)
        #expect(format.width == 640 && format.height == 360)
        #expect(format.profile == 122)
    }

    @Test func readsBaselineWithoutHighProfileFields() throws {
        let format = try AVCConfiguration(buffer(Record.baseline576p)).format
        #expect(format.width == 720 && format.height == 576)
        #expect(format.configuration == bytes(Record.baseline576p))
    }

    /// x264 with `-bf 0`, with `-bf 3 -x264-params b-pyramid=normal` and with `-tune zerolatency` and `nal-hrd=cbr`, of 322x182 at
    /// 30,000/1,001: the depths are what ffprobe calls `has_b_frames`.
    @Test(arguments: [
        ("0164000dffe100186764000dacb202a33c44d808800001f480007530078a152401000668ebc3cb22c0fdf8f800", 0),
        ("0164000dffe100196764000dacd941519e226c04400000fa40003a9803c50a658001000668ebe3cb22c0fdf8f800", 2),
        (
            "0142c014ffe100226742c014da05467889b01100000303e90000ea60e04000f424001e84e4c20078a15501000468ce3c80", 0
        ),
    ])
    func readsHowFarPicturesAreReordered(record: String, depth: Int) throws {
        let format = try AVCConfiguration(buffer(record)).format
        #expect(format.reorderDepth == depth)
        #expect(format.width == 322 && format.height == 182)
        #expect(abs((format.frameRate ?? 0) - 30_000.0 / 1001) < 0.001)
    }

    @Test func namesTheFieldThatIsOutOfRange() {
        // pic_order_cnt_type 3: profile 66 · level 30 · ue 0 · ue 0 · ue 3 (00100).
        let error = #expect(throws: CodecError.self) {
            try AVCConfiguration(buffer("01 42 00 1e ff e1 0005 6742001ec8 01 0004 68ef8fcb"))
        }
        #expect(error?.message.contains("pic_order_cnt_type") == true, "\(error?.message ?? "")")
    }

    @Test func writesTheRecordAnewWithFourByteLengths() throws {
        var twoByteLengths = bytes(Record.high180p25)
        twoByteLengths[4] = 0xFD
        let parsed = try AVCConfiguration(ByteBuffer(bytes: twoByteLengths))
        #expect(parsed.lengthSize == 2)
        #expect(parsed.format.configuration == bytes(Record.high180p25))
    }

    @Test func believesTheParameterSetAndNotTheRecord() throws {
        var lying = bytes(Record.high180p25)
        lying[1] = 66
        lying[3] = 51
        #expect(try AVCConfiguration(ByteBuffer(bytes: lying)).format.configuration == bytes(Record.high180p25))
    }

    @Test func keepsEveryPictureParameterSet() throws {
        let record = "01 64 00 0c ff e1 001a \(Record.high180p25SPS) 02 0004 68ef8fcb 0005 6848ef8fcb"
        let format = try AVCConfiguration(buffer(record)).format
        #expect(format.parameterSets.count == 3)
        #expect(format.parameterSets.last == bytes("6848ef8fcb"))
    }

    @Test func refusesNALLengthsOfThreeBytes() {
        var record = bytes(Record.high180p25)
        record[4] = 0xFE
        let error = #expect(throws: CodecError.self) { try AVCConfiguration(ByteBuffer(bytes: record)) }
        #expect(error?.code == .malformed)
    }

    @Test func refusesRecordsWithoutParameterSets() {
        #expect(throws: CodecError.self) { try AVCConfiguration(buffer("01 64 00 0c ff e0 00")) }
        #expect(throws: CodecError.self) {
            try AVCConfiguration(buffer("01 64 00 0c ff e1 001a \(Record.high180p25SPS) 00"))
        }
    }

    @Test func refusesASliceInAParameterSetsPlace() {
        #expect(throws: CodecError.self) {
            try AVCConfiguration(buffer("01 64 00 0c ff e1 0002 6588 01 0004 68ef8fcb"))
        }
    }

    /// The last four bytes are the record's own chroma fields, which are not needed.
    @Test func refusesEveryTruncation() {
        let record = bytes(Record.high180p25)
        for length in 0..<(record.count - 4) {
            #expect(throws: CodecError.self, "\(length) bytes") {
                try AVCConfiguration(ByteBuffer(bytes: record.prefix(length)))
            }
        }
    }

    @Test func survivesEveryDamagedByte() {
        let record = bytes(Record.high180p25)
        for index in record.indices {
            for value in [0x00, 0x01, 0x7F, 0x80, 0xFF] as [UInt8] {
                var damaged = record
                damaged[index] = value
                _ = try? AVCConfiguration(ByteBuffer(bytes: damaged))
            }
        }
    }
}
