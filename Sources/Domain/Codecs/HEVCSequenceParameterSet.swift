/// What a channel needs to know of an HEVC sequence parameter set (ITU-T H.265 §7.3.2.2).
struct HEVCSequenceParameterSet: Equatable {
    var profile: UInt8 = 0
    var level: UInt8 = 0
    var isHighTier = false
    /// `chroma_format_idc`: 0 monochrome, 1 4:2:0, 2 4:2:2, 3 4:4:4.
    var chromaFormat = 1
    var bitDepthLuma = 8
    var bitDepthChroma = 8
    /// Inside the conformance window, in luma samples.
    var width = 0
    var height = 0
    /// `sps_max_num_reorder_pics` of the highest sub-layer.
    var reorderDepth = 0
    /// From the VUI's timing; `nil` when it has none or an absurd one.
    var frameRate: Double?

    private static let maximumSide = 16_384

    /// - Parameter unit: the NAL unit with its two header bytes, as it stands in the stream.
    /// - Throws: `CodecError` for a set that is cut short, out of range or not an SPS.
    init(_ unit: [UInt8]) throws(CodecError) {
        guard let header = unit.first, HEVCUnitType.of(header) == HEVCUnitType.sequenceParameterSet else {
            throw CodecError(.malformed, "The HEVC configuration holds something else than an SPS.")
        }
        var reader = BitReader(withoutEmulationPrevention(unit.dropFirst(2)), what: "HEVC sequence parameter set")
        try reader.skip(4)
        let subLayers = try reader.int(3, in: 0...6, "sps_max_sub_layers_minus1")
        try reader.skip(1)
        try readProfile(&reader, subLayers: subLayers)
        _ = try reader.unsignedGolomb(in: 0...15, "sps_seq_parameter_set_id")
        try readPicture(&reader)
        let orderBits = 4 + (try reader.unsignedGolomb(in: 0...12, "log2_max_pic_order_cnt_lsb_minus4"))
        let saysEach = try reader.flag()
        for _ in (saysEach ? 0 : subLayers)...subLayers {
            _ = try reader.unsignedGolomb(in: 0...15, "sps_max_dec_pic_buffering_minus1")
            reorderDepth = try reader.unsignedGolomb(in: 0...15, "sps_max_num_reorder_pics")
            _ = try reader.unsignedGolomb()
        }
        try? readUsability(&reader, orderBits: orderBits)  // Damage from here on loses the frame rate only.
    }

    /// `profile_tier_level` (§7.3.3).
    private mutating func readProfile(_ reader: inout BitReader, subLayers: Int) throws(CodecError) {
        try reader.skip(2)
        isHighTier = try reader.flag()
        profile = UInt8(truncatingIfNeeded: try reader.bits(5))
        try reader.skip(32 + 48)
        level = UInt8(truncatingIfNeeded: try reader.bits(8))
        guard subLayers > 0 else { return }
        var bitsToSkip = 0
        for index in 0..<8 {
            let hasProfile = try reader.flag()
            let hasLevel = try reader.flag()
            guard index < subLayers else { continue }
            bitsToSkip += (hasProfile ? 88 : 0) + (hasLevel ? 8 : 0)
        }
        try reader.skip(bitsToSkip)
    }

    /// Chroma format to bit depths.
    private mutating func readPicture(_ reader: inout BitReader) throws(CodecError) {
        chromaFormat = try reader.unsignedGolomb(in: 0...3, "chroma_format_idc")
        let separatePlanes = chromaFormat == 3 ? try reader.flag() : false
        let sides = 1...Self.maximumSide
        width = try reader.unsignedGolomb(in: sides, "pic_width_in_luma_samples")
        height = try reader.unsignedGolomb(in: sides, "pic_height_in_luma_samples")
        if try reader.flag() {
            let unitX = !separatePlanes && (chromaFormat == 1 || chromaFormat == 2) ? 2 : 1
            let unitY = !separatePlanes && chromaFormat == 1 ? 2 : 1
            let offsets = 0...Self.maximumSide
            let left = try reader.unsignedGolomb(in: offsets, "conf_win_left_offset")
            let right = try reader.unsignedGolomb(in: offsets, "conf_win_right_offset")
            let top = try reader.unsignedGolomb(in: offsets, "conf_win_top_offset")
            let bottom = try reader.unsignedGolomb(in: offsets, "conf_win_bottom_offset")
            width -= (left + right) * unitX
            height -= (top + bottom) * unitY
        }
        guard width > 0, height > 0 else {
            throw CodecError(.malformed, "The HEVC configuration's conformance window crops the whole picture away.")
        }
        bitDepthLuma = 8 + (try reader.unsignedGolomb(in: 0...8, "bit_depth_luma_minus8"))
        bitDepthChroma = 8 + (try reader.unsignedGolomb(in: 0...8, "bit_depth_chroma_minus8"))
    }

    // MARK: What stands between the picture's size and its rate

    private mutating func readUsability(_ reader: inout BitReader, orderBits: Int) throws(CodecError) {
        for _ in 0..<6 { _ = try reader.unsignedGolomb() }
        if try reader.flag(), try reader.flag() { try Self.skipScalingLists(&reader) }
        try reader.skip(2)
        if try reader.flag() {
            try reader.skip(8)
            _ = try reader.unsignedGolomb()
            _ = try reader.unsignedGolomb()
            try reader.skip(1)
        }
        try Self.skipReferenceSets(&reader)
        if try reader.flag() {
            let count = try reader.unsignedGolomb(in: 0...32, "num_long_term_ref_pics_sps")
            try reader.skip(count * (orderBits + 1))
        }
        try reader.skip(2)
        guard try reader.flag() else { return }
        try skipDisplayInformation(&reader)
        try reader.skip(1)
        let isFields = try reader.flag()
        try reader.skip(1)
        if try reader.flag() {
            for _ in 0..<4 { _ = try reader.unsignedGolomb() }
        }
        guard try reader.flag() else { return }
        let unitsInTick = try reader.bits(32)
        let timescale = try reader.bits(32)
        frameRate = frameRateOf(ticks: timescale, unitsInTick: unitsInTick, ticksPerFrame: isFields ? 2 : 1)
    }

    /// `scaling_list_data` (§7.3.4).
    private static func skipScalingLists(_ reader: inout BitReader) throws(CodecError) {
        for size in 0..<4 {
            for _ in 0..<(size == 3 ? 2 : 6) {
                guard try reader.flag() else {
                    _ = try reader.unsignedGolomb()
                    continue
                }
                if size > 1 { _ = try reader.signedGolomb() }
                for _ in 0..<min(64, 1 << (4 + size * 2)) { _ = try reader.signedGolomb() }
            }
        }
    }

    /// `st_ref_pic_set` for each (§7.3.7): only the count of a set's pictures is kept, since the next may be told from it.
    private static func skipReferenceSets(_ reader: inout BitReader) throws(CodecError) {
        var pictures = 0
        for index in 0..<(try reader.unsignedGolomb(in: 0...64, "num_short_term_ref_pic_sets")) {
            let isPredicted = index > 0 ? try reader.flag() : false
            pictures = try isPredicted ? predictedSet(&reader, from: pictures) : plainSet(&reader)
        }
    }

    private static func predictedSet(_ reader: inout BitReader, from pictures: Int) throws(CodecError) -> Int {
        try reader.skip(1)
        _ = try reader.unsignedGolomb()
        var count = 0
        for _ in 0...pictures {
            let isUsed = try reader.flag()
            let isKept = isUsed ? true : try reader.flag()
            if isKept { count += 1 }
        }
        return min(count, 32)
    }

    private static func plainSet(_ reader: inout BitReader) throws(CodecError) -> Int {
        let count =
            try reader.unsignedGolomb(in: 0...16, "num_negative_pics")
            + (try reader.unsignedGolomb(in: 0...16, "num_positive_pics"))
        for _ in 0..<count {
            _ = try reader.unsignedGolomb()
            try reader.skip(1)
        }
        return count
    }
}
