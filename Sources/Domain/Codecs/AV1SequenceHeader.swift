/// What a channel needs to know of an AV1 sequence header (AV1 specification §5.5).
struct AV1SequenceHeader: Equatable {
    var profile: UInt8
    /// `seq_level_idx` of the first operating point.
    var level: UInt8 = 0
    var isHighTier = false
    /// As H.264 numbers it: 0 monochrome, 1 4:2:0, 2 4:2:2, 3 4:4:4.
    var chromaFormat = 1
    var bitDepth = 8
    var width = 0
    var height = 0
    /// From the timing information; `nil` when it has none or an absurd one.
    var frameRate: Double?

    private static let maximumSide = 16_384

    /// - Parameter bytes: the OBU's payload.
    /// - Throws: `CodecError` for a header that is cut short or has a value that is reserved.
    init(_ bytes: [UInt8]) throws(CodecError) {
        var reader = BitReader(bytes, what: "AV1 sequence header")
        profile = UInt8(truncatingIfNeeded: try reader.int(3, in: 0...2, "seq_profile"))
        try reader.skip(1)
        let isReduced = try reader.flag()
        if isReduced {
            level = UInt8(truncatingIfNeeded: try reader.bits(5))
        } else {
            try readOperatingPoints(&reader)
        }
        let widthBits = 1 + (try reader.int(4))
        let heightBits = 1 + (try reader.int(4))
        let sides = 0...(Self.maximumSide - 1)
        width = 1 + (try reader.int(widthBits, in: sides, "max_frame_width_minus_1"))
        height = 1 + (try reader.int(heightBits, in: sides, "max_frame_height_minus_1"))
        if !isReduced, try reader.flag() { try reader.skip(4 + 3) }
        try reader.skip(3)
        if !isReduced { try Self.skipTools(&reader) }
        try reader.skip(3)
        try readColour(&reader)
    }

    private mutating func readOperatingPoints(_ reader: inout BitReader) throws(CodecError) {
        var delayBits: Int?
        if try reader.flag() {
            try readTiming(&reader)
            if try reader.flag() {
                delayBits = 1 + (try reader.int(5))
                try reader.skip(32 + 5 + 5)
            }
        }
        let hasDisplayDelay = try reader.flag()
        for index in 0...(try reader.int(5)) {
            try reader.skip(12)
            let level = try reader.int(5)
            let isHighTier = level > 7 ? try reader.flag() : false
            if index == 0 {
                self.level = UInt8(truncatingIfNeeded: level)
                self.isHighTier = isHighTier
            }
            if let delayBits, try reader.flag() { try reader.skip(2 * delayBits + 1) }
            if hasDisplayDelay, try reader.flag() { try reader.skip(4) }
        }
    }

    /// `timing_info` (§5.5.3).
    private mutating func readTiming(_ reader: inout BitReader) throws(CodecError) {
        let unitsInTick = try reader.bits(32)
        let timescale = try reader.bits(32)
        guard try reader.flag() else { return }  // Pictures of unequal spans have no rate.
        let ticks = 1 + (try reader.unsignedGolomb())
        frameRate = frameRateOf(ticks: timescale, unitsInTick: unitsInTick, ticksPerFrame: Double(ticks))
    }

    /// From `enable_interintra_compound` up to `order_hint_bits_minus_1`.
    private static func skipTools(_ reader: inout BitReader) throws(CodecError) {
        try reader.skip(4)
        let hasOrderHint = try reader.flag()
        if hasOrderHint { try reader.skip(2) }
        let choosesScreenTools = try reader.flag()
        let mayUseScreenTools = choosesScreenTools ? true : try reader.flag()
        if mayUseScreenTools, try !reader.flag() { try reader.skip(1) }
        if hasOrderHint { try reader.skip(3) }
    }

    /// `color_config` (§5.5.2).
    private mutating func readColour(_ reader: inout BitReader) throws(CodecError) {
        let hasHighDepth = try reader.flag()
        bitDepth = hasHighDepth ? 10 : 8
        if profile == 2, hasHighDepth, try reader.flag() { bitDepth = 12 }
        let isMonochrome = profile == 1 ? false : try reader.flag()
        var description: UInt32 = 0
        if try reader.flag() { description = try reader.bits(24) }
        let sRGB: UInt32 = 0x01_0D00  // BT.709 primaries, sRGB transfer, identity matrix
        if isMonochrome {
            chromaFormat = 0
        } else if description == sRGB || profile == 1 {
            chromaFormat = 3
        } else if profile == 0 {
            chromaFormat = 1
        } else if bitDepth == 12 {
            try reader.skip(1)
            chromaFormat = try reader.flag() ? (try reader.flag() ? 1 : 2) : 3
        } else {
            chromaFormat = 2
        }
    }
}
