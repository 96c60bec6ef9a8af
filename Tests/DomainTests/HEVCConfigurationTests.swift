import Domain
import NIOCore
import TestKit
import Testing

/// `ffmpeg -f lavfi -i testsrc2=s=320x180:r=25 -c:v libx265 -preset ultrafast -x265-params bframes=2:b-pyramid=0`, its `hvcC`;
/// the second with `high-tier=1:level-idc=4 -pix_fmt yuv422p10le`. x265's SEI array is cut from both but for `withSEI`.
private enum Record {
    static let head = "0101600000009000000000003cf000fcfdf8f800000f"
    static let main =
        head + "03"
        + "20 0001 0018 40010c01ffff01600000030090000003000003003c911009"
        + "21 0001 002b 42010101600000030090000003000003003ca00a080c1f3e591112930bc05a02000003000200000300 3210"
        + "22 0001 0006 4401c073c189"
    static let high422 = """
        0124080000009d080000000078f000fcfefafa00000f03200001001740010c01ffff2408000003009d080000030000789594092100010
        02b4201012408000003009d08000003000078b00a080c1f1ad965654a4c2f016808000003000800000300c84022000100064401c073c189
        """
}

struct HEVCConfigurationTests {
    @Test func readsSizeRateAndProfile() throws {
        let format = try HEVCConfiguration(buffer(Record.main)).format
        #expect(format.codec == .hevc)
        #expect(format.width == 320 && format.height == 180)
        #expect(format.frameRate == 25)
        #expect(format.profile == 1 && format.level == 60 && !format.isHighTier)
        #expect(format.chromaFormat == 1 && format.bitDepth == 8)
        #expect(format.reorderDepth == 1)
        #expect(format.parameterSets.map { $0[0] >> 1 & 0x3F } == [32, 33, 34])
    }

    @Test func readsHighTierAndTenBits() throws {
        let format = try HEVCConfiguration(buffer(Record.high422)).format
        #expect(format.profile == 4 && format.level == 120 && format.isHighTier)
        #expect(format.chromaFormat == 2 && format.bitDepth == 10)
        #expect(format.width == 320 && format.height == 180 && format.frameRate == 25)
        #expect(format.reorderDepth == 2)
    }

    @Test func writesTheRecordAnewWithoutOtherUnits() throws {
        // A prefix SEI message (type 39) of three bytes, and 2-byte lengths.
        var withSEI = bytes(Record.main + "27 0001 0003 4e0105")
        withSEI[22] = 4
        withSEI[21] = 0x0D
        let parsed = try HEVCConfiguration(ByteBuffer(bytes: withSEI))
        #expect(parsed.lengthSize == 2)
        #expect(parsed.format.configuration[21] == 0x0F)
        let again = try HEVCConfiguration(ByteBuffer(bytes: parsed.format.configuration))
        #expect(again.format == parsed.format && again.lengthSize == 4)
        #expect(parsed.format.parameterSets.count == 3)
    }

    @Test func refusesRecordsWithoutParameterSets() {
        let error = #expect(throws: CodecError.self) { try HEVCConfiguration(buffer(Record.head + "00")) }
        #expect(error?.message.contains("VPS") == true)
    }

    @Test func namesTheFieldThatIsWrong() {
        var record = bytes(Record.main)
        record[0] = 2
        #expect(refusal(record)?.contains("version") == true)
        record = bytes(Record.main)
        record[21] = 0x0E
        #expect(refusal(record)?.contains("lengthSizeMinusOne") == true)
        record = bytes(Record.main)
        record[22] = 17
        #expect(refusal(record)?.contains("numOfArrays") == true)
        record = bytes(Record.main)
        record[23] = 0x21
        #expect(refusal(record)?.contains("NAL_unit_type") == true)
        // sps_max_sub_layers_minus1 7, behind two header bytes of the SPS.
        record = bytes(Record.main)
        record[23 + 5 + 24 + 5 + 2] = 0x0F
        #expect(refusal(record)?.contains("sps_max_sub_layers_minus1") == true)
    }

    private func refusal(_ record: [UInt8]) -> String? {
        do throws(CodecError) {
            _ = try HEVCConfiguration(ByteBuffer(bytes: record))
            return nil
        } catch {
            return error.message
        }
    }

    @Test func refusesParameterSetsThatAreTooLarge() {
        let large = "22 0001 2001 44" + String(repeating: "00", count: 8192)
        var record = bytes(Record.main + large)
        record[22] = 4
        #expect(refusal(record)?.contains("too large") == true)
    }

    @Test func refusesEveryTruncation() {
        for record in [Record.main, Record.high422].map(bytes) {
            for length in 0..<record.count {
                #expect(throws: CodecError.self, "\(length) bytes") {
                    try HEVCConfiguration(ByteBuffer(bytes: record.prefix(length)))
                }
            }
        }
    }

    @Test func survivesEveryDamagedByte() {
        let record = bytes(Record.main)
        for index in record.indices {
            for value in 0...255 as ClosedRange<UInt8> {
                var damaged = record
                damaged[index] = value
                _ = try? HEVCConfiguration(ByteBuffer(bytes: damaged))
            }
        }
    }

    @Test(arguments: [(0, false), (1, false), (9, false), (16, true), (19, true), (20, true), (21, true), (22, false)])
    func findsRandomAccessPicturesInTheirUnits(type: UInt8, isKeyFrame: Bool) {
        var unit = buffer("00000003 4601 50 00000004")
        unit.writeBytes([type << 1, 1, 0xAC, 0x74])
        let summary = HEVCUnitSummary(unit)
        #expect(summary.containsRandomAccess == isKeyFrame)
        #expect(summary.containsPicture && !summary.isBroken)
    }

    @Test func seesUnitsWithoutAPictureAndBrokenOnes() {
        #expect(!HEVCUnitSummary(buffer("00000003 4e0105")).containsPicture)
        #expect(HEVCUnitSummary(buffer("00000009 2801ac")).isBroken)
    }
}
