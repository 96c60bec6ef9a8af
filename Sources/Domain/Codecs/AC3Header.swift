package import NIOCore

/// What an AC-3 or E-AC-3 frame says of itself (ETSI TS 102 366 §4.3, §E.1.2), or MP4's `dac3` and `dec3` (§F.4, §F.6).
package struct AC3Header: Sendable, Equatable {
    package var format: AudioFormat

    private static let sampleRates = [48_000, 44_100, 32_000]
    /// Full-bandwidth channels by `acmod`.
    private static let channelCounts = [2, 1, 2, 3, 3, 4, 4, 5]
    private static let syncWord = 0x0B77
    private static let plainStreams = 0...10
    private static let enhancedStreams = 11...16

    /// Reads a frame; both codecs have `bsid` at the same place, which tells them apart.
    /// - Throws: `CodecError` for bytes that are no frame, cut short or with a reserved value.
    package init(frame: ByteBuffer) throws(CodecError) {
        let bytes = Array(frame.readableBytesView.prefix(8))
        var reader = BitReader(bytes, what: "AC-3 frame header")
        _ = try reader.int(16, in: Self.syncWord...Self.syncWord, "syncword")
        var lookAhead = reader
        try lookAhead.skip(24)
        let stream = try lookAhead.int(5, in: 0...16, "bsid")
        format =
            try Self.plainStreams.contains(stream)
            ? Self.plainFrame(&reader, stream: stream) : Self.enhancedFrame(&reader)
    }

    /// Reads `dac3` (three bytes) or `dec3` (five and more), without the box's head.
    package init(configuration bytes: [UInt8], isEnhanced: Bool) throws(CodecError) {
        var reader = BitReader(Array(bytes.prefix(8)), what: "AC-3 configuration")
        if isEnhanced { try reader.skip(13 + 3) }
        let rate = try reader.int(2, in: 0...2, "fscod")
        let known = isEnhanced ? Self.enhancedStreams : Self.plainStreams
        _ = try reader.int(5, in: known, "bsid")
        try reader.skip(isEnhanced ? 2 + 3 : 3)
        let mode = try reader.int(3)
        format = Self.format(
            isEnhanced: isEnhanced, rate: Self.sampleRates[rate], mode: mode, hasLowFrequency: try reader.flag(),
            blocks: 6)
    }

    /// After the sync word: crc 16 · fscod 2 · frmsizecod 6 · bsid 5 · bsmod 3 · acmod 3 · [mix levels] · lfeon 1.
    private static func plainFrame(_ reader: inout BitReader, stream: Int) throws(CodecError) -> AudioFormat {
        try reader.skip(16)
        let rate = sampleRates[try reader.int(2, in: 0...2, "fscod")]
        _ = try reader.int(6, in: 0...37, "frmsizecod")
        try reader.skip(5 + 3)
        let mode = try reader.int(3)
        if mode & 1 != 0, mode != 1 { try reader.skip(2) }
        if mode & 4 != 0 { try reader.skip(2) }
        if mode == 2 { try reader.skip(2) }
        // 9 and 10 halve and quarter the rate.
        return format(
            isEnhanced: false, rate: rate >> max(0, stream - 8), mode: mode, hasLowFrequency: try reader.flag(),
            blocks: 6)
    }

    /// After the sync word: strmtyp 2 · substreamid 3 · frmsiz 11 · fscod 2 · fscod2 or numblkscod 2 · acmod 3 · lfeon 1.
    private static func enhancedFrame(_ reader: inout BitReader) throws(CodecError) -> AudioFormat {
        try reader.skip(2 + 3 + 11)
        let code = try reader.int(2)
        let isHalved = code == 3
        let second = isHalved ? try reader.int(2, in: 0...2, "fscod2") : try reader.int(2)
        let mode = try reader.int(3)
        return format(
            isEnhanced: true, rate: isHalved ? sampleRates[second] / 2 : sampleRates[code], mode: mode,
            hasLowFrequency: try reader.flag(), blocks: isHalved ? 6 : [1, 2, 3, 6][second])
    }

    private static func format(
        isEnhanced: Bool, rate: Int, mode: Int, hasLowFrequency: Bool, blocks: Int
    ) -> AudioFormat {
        AudioFormat(
            codec: isEnhanced ? .eac3 : .ac3, configuration: [], sampleRate: rate,
            channels: channelCounts[mode] + (hasLowFrequency ? 1 : 0), samplesPerFrame: blocks * 256)
    }
}
