/// What a channel needs to know of an H.264 sequence parameter set (ISO/IEC 14496-10 §7.3.2.1.1).
struct SequenceParameterSet: Equatable {
    var profile: UInt8
    var constraints: UInt8
    var level: UInt8
    /// `chroma_format_idc`: 0 monochrome, 1 4:2:0, 2 4:2:2, 3 4:4:4.
    var chromaFormat = 1
    var bitDepthLuma = 8
    var bitDepthChroma = 8
    /// After cropping, in luma samples.
    var width = 0
    var height = 0
    /// From the VUI's timing; `nil` when it has none or an absurd one.
    var frameRate: Double?
    /// `max_num_reorder_frames`; 0 too when the order counts (`pic_order_cnt_type` 2) leave no room; `nil` when nobody says.
    var reorderDepth: Int?
    /// `max_dec_frame_buffering`, pictures.
    var decodedPictures: Int?

    /// Pictures larger than this are not pictures (level 6.2 ends at 139,264 macroblocks).
    private static let maximumSide = 16_384

    /// - Parameter unit: the NAL unit with its header byte, as it stands in the stream.
    /// - Throws: `CodecError` for a set that is cut short, out of range or not an SPS.
    init(_ unit: [UInt8]) throws(CodecError) {
        guard let header = unit.first, header & 0x1F == NALUnitType.sequenceParameterSet else {
            throw CodecError(.malformed, "The H.264 configuration holds something else than an SPS.")
        }
        let payload = withoutEmulationPrevention(unit.dropFirst())
        var reader = BitReader(payload, what: "H.264 sequence parameter set")
        profile = UInt8(truncatingIfNeeded: try reader.bits(8))
        constraints = UInt8(truncatingIfNeeded: try reader.bits(8))
        level = UInt8(truncatingIfNeeded: try reader.bits(8))
        _ = try reader.unsignedGolomb(in: 0...31, "seq_parameter_set_id")
        let separatePlanes = try readHighProfileFields(&reader)
        try readFrameNumbering(&reader)
        try readSize(&reader, separatePlanes: separatePlanes)
        if try reader.flag() { try? readUsability(&reader) }  // A cut VUI loses what stands behind the cut only.
    }

    /// Profiles whose SPS has chroma format, bit depths and scaling matrices.
    static func isHighProfile(_ profile: UInt8) -> Bool {
        [100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135].contains(profile)
    }

    /// - Returns: `separate_colour_plane_flag`.
    private mutating func readHighProfileFields(_ reader: inout BitReader) throws(CodecError) -> Bool {
        guard Self.isHighProfile(profile) else { return false }
        chromaFormat = try reader.unsignedGolomb(in: 0...3, "chroma_format_idc")
        let separatePlanes = chromaFormat == 3 ? try reader.flag() : false
        bitDepthLuma = 8 + (try reader.unsignedGolomb(in: 0...6, "bit_depth_luma_minus8"))
        bitDepthChroma = 8 + (try reader.unsignedGolomb(in: 0...6, "bit_depth_chroma_minus8"))
        try reader.skip(1)
        if try reader.flag() {
            for list in 0..<(chromaFormat == 3 ? 12 : 8) where try reader.flag() {
                try Self.skipScalingList(&reader, size: list < 6 ? 16 : 64)
            }
        }
        return separatePlanes
    }

    private static func skipScalingList(_ reader: inout BitReader, size: Int) throws(CodecError) {
        var last = 8
        var next = 8
        for _ in 0..<size {
            if next != 0 { next = ((last + (try reader.signedGolomb())) % 256 + 256) % 256 }
            last = next == 0 ? last : next
        }
    }

    /// `log2_max_frame_num_minus4` up to `gaps_in_frame_num_value_allowed_flag`.
    private mutating func readFrameNumbering(_ reader: inout BitReader) throws(CodecError) {
        _ = try reader.unsignedGolomb(in: 0...12, "log2_max_frame_num_minus4")
        let orderType = try reader.unsignedGolomb(in: 0...2, "pic_order_cnt_type")
        switch orderType {
        case 0: _ = try reader.unsignedGolomb(in: 0...12, "log2_max_pic_order_cnt_lsb_minus4")
        case 1:
            try reader.skip(1)
            _ = try reader.signedGolomb()
            _ = try reader.signedGolomb()
            for _ in 0..<(try reader.unsignedGolomb(in: 0...255, "num_ref_frames_in_pic_order_cnt_cycle")) {
                _ = try reader.signedGolomb()
            }
        default: reorderDepth = 0  // Type 2 has no fields: display is in decoding order.
        }
        _ = try reader.unsignedGolomb(in: 0...16, "max_num_ref_frames")
        try reader.skip(1)
    }

    private mutating func readSize(_ reader: inout BitReader, separatePlanes: Bool) throws(CodecError) {
        let limit = 0...(Self.maximumSide / 16 - 1)
        let macroblocksAcross = 1 + (try reader.unsignedGolomb(in: limit, "pic_width_in_mbs_minus1"))
        let mapUnitsDown = 1 + (try reader.unsignedGolomb(in: limit, "pic_height_in_map_units_minus1"))
        let framesOnly = try reader.flag()
        if !framesOnly { try reader.skip(1) }
        try reader.skip(1)
        let fieldFactor = framesOnly ? 1 : 2
        width = macroblocksAcross * 16
        height = mapUnitsDown * 16 * fieldFactor
        guard try reader.flag() else { return }
        let hasSubsampledWidth = !separatePlanes && (chromaFormat == 1 || chromaFormat == 2)
        let unitX = hasSubsampledWidth ? 2 : 1
        let unitY = (!separatePlanes && chromaFormat == 1 ? 2 : 1) * fieldFactor
        let side = 0...Self.maximumSide
        let left = try reader.unsignedGolomb(in: side, "frame_crop_left_offset")
        let right = try reader.unsignedGolomb(in: side, "frame_crop_right_offset")
        let top = try reader.unsignedGolomb(in: side, "frame_crop_top_offset")
        let bottom = try reader.unsignedGolomb(in: side, "frame_crop_bottom_offset")
        width -= (left + right) * unitX
        height -= (top + bottom) * unitY
        guard width > 0, height > 0 else {
            throw CodecError(.malformed, "The H.264 configuration crops the whole picture away.")
        }
    }

    /// The VUI (§E.1.1). A field rate counts two ticks a frame.
    private mutating func readUsability(_ reader: inout BitReader) throws(CodecError) {
        try skipDisplayInformation(&reader)
        if try reader.flag() {
            let unitsInTick = try reader.bits(32)
            let timescale = try reader.bits(32)
            frameRate = frameRateOf(ticks: timescale, unitsInTick: unitsInTick, ticksPerFrame: 2)
            try reader.skip(1)
        }
        let hasNetworkBuffer = try reader.flag()
        if hasNetworkBuffer { try Self.skipBufferModel(&reader) }
        let hasVideoBuffer = try reader.flag()
        if hasVideoBuffer { try Self.skipBufferModel(&reader) }
        if hasNetworkBuffer || hasVideoBuffer { try reader.skip(1) }
        try reader.skip(1)
        guard try reader.flag() else { return }
        try reader.skip(1)
        for _ in 0..<4 { _ = try reader.unsignedGolomb() }
        let pictures = 0...16
        let reordered = try reader.unsignedGolomb(in: pictures, "max_num_reorder_frames")
        decodedPictures = try reader.unsignedGolomb(in: pictures, "max_dec_frame_buffering")
        reorderDepth = reordered
    }

    /// `hrd_parameters` (§E.1.2).
    private static func skipBufferModel(_ reader: inout BitReader) throws(CodecError) {
        let count = 1 + (try reader.unsignedGolomb(in: 0...31, "cpb_cnt_minus1"))
        try reader.skip(8)
        for _ in 0..<count {
            _ = try reader.unsignedGolomb()
            _ = try reader.unsignedGolomb()
            try reader.skip(1)
        }
        try reader.skip(20)
    }
}

/// The VUI's fields before its timing that H.264 (§E.1.1) and HEVC (ITU-T H.265 §E.2.1) share: aspect ratio, overscan, video
/// signal, chroma location.
func skipDisplayInformation(_ reader: inout BitReader) throws(CodecError) {
    let extendedAspect = 255
    if try reader.flag(), try reader.int(8) == extendedAspect { try reader.skip(32) }
    if try reader.flag() { try reader.skip(1) }
    if try reader.flag() {
        try reader.skip(4)
        if try reader.flag() { try reader.skip(24) }
    }
    if try reader.flag() {
        _ = try reader.unsignedGolomb()
        _ = try reader.unsignedGolomb()
    }
}

/// Pictures a second; `nil` for nothing and for the absurd.
func frameRateOf(ticks: UInt32, unitsInTick: UInt32, ticksPerFrame: Double) -> Double? {
    guard unitsInTick > 0, ticks > 0 else { return nil }
    let rate = Double(ticks) / (ticksPerFrame * Double(unitsInTick))
    return (0.1...1000).contains(rate) ? rate : nil
}

/// Removes the 0x03 that the encoder put after two zero bytes (§7.4.1.1).
func withoutEmulationPrevention(_ bytes: some Sequence<UInt8>) -> [UInt8] {
    var result: [UInt8] = []
    var zeros = 0
    for byte in bytes {
        if zeros >= 2, byte == 3 {
            zeros = 0
            continue
        }
        zeros = byte == 0 ? zeros + 1 : 0
        result.append(byte)
    }
    return result
}
