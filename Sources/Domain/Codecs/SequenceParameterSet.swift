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
        _ = try reader.unsignedGolomb(in: 0...31)
        let separatePlanes = try readHighProfileFields(&reader)
        try Self.skipFrameNumbering(&reader)
        try readSize(&reader, separatePlanes: separatePlanes)
        if try reader.flag() { frameRate = try? Self.readFrameRate(&reader) }  // A cut VUI loses the frame rate only.
    }

    /// Profiles whose SPS has chroma format, bit depths and scaling matrices.
    static func isHighProfile(_ profile: UInt8) -> Bool {
        [100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135].contains(profile)
    }

    /// - Returns: `separate_colour_plane_flag`.
    private mutating func readHighProfileFields(_ reader: inout BitReader) throws(CodecError) -> Bool {
        guard Self.isHighProfile(profile) else { return false }
        chromaFormat = try reader.unsignedGolomb(in: 0...3)
        let separatePlanes = chromaFormat == 3 ? try reader.flag() : false
        bitDepthLuma = 8 + (try reader.unsignedGolomb(in: 0...6))
        bitDepthChroma = 8 + (try reader.unsignedGolomb(in: 0...6))
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
    private static func skipFrameNumbering(_ reader: inout BitReader) throws(CodecError) {
        _ = try reader.unsignedGolomb(in: 0...12)
        switch try reader.unsignedGolomb(in: 0...2) {
        case 0: _ = try reader.unsignedGolomb(in: 0...12)
        case 1:
            try reader.skip(1)
            _ = try reader.signedGolomb()
            _ = try reader.signedGolomb()
            for _ in 0..<(try reader.unsignedGolomb(in: 0...255)) { _ = try reader.signedGolomb() }
        default: break  // Type 2 has no fields.
        }
        _ = try reader.unsignedGolomb(in: 0...16)
        try reader.skip(1)
    }

    private mutating func readSize(_ reader: inout BitReader, separatePlanes: Bool) throws(CodecError) {
        let limit = 0...(Self.maximumSide / 16 - 1)
        let macroblocksAcross = 1 + (try reader.unsignedGolomb(in: limit))
        let mapUnitsDown = 1 + (try reader.unsignedGolomb(in: limit))
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
        let left = try reader.unsignedGolomb(in: side)
        let right = try reader.unsignedGolomb(in: side)
        let top = try reader.unsignedGolomb(in: side)
        let bottom = try reader.unsignedGolomb(in: side)
        width -= (left + right) * unitX
        height -= (top + bottom) * unitY
        guard width > 0, height > 0 else {
            throw CodecError(.malformed, "The H.264 configuration crops the whole picture away.")
        }
    }

    /// The VUI up to its timing (§E.1.1). A field rate counts two ticks a frame.
    private static func readFrameRate(_ reader: inout BitReader) throws(CodecError) -> Double? {
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
        guard try reader.flag() else { return nil }
        let unitsInTick = try reader.bits(32)
        let timescale = try reader.bits(32)
        guard unitsInTick > 0, timescale > 0 else { return nil }
        let rate = Double(timescale) / (2 * Double(unitsInTick))
        return (0.1...1000).contains(rate) ? rate : nil
    }
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
