/// A parsed AudioSpecificConfig (ISO/IEC 14496-3 §1.6.2.1).
///
/// `format` describes the coded frames: with spectral band replication `format.sampleRate` is the core's, half of what is
/// heard, and `format.objectType` is 5 (29 with parametric stereo) where the configuration says so outright.
package struct AACConfiguration: Sendable, Equatable {
    package var format: AudioFormat
    /// HE-AAC is signalled, outright or behind the core's configuration.
    package var hasSpectralBandReplication = false
    /// HE-AAC v2 is signalled.
    package var hasParametricStereo = false
    /// What is heard with spectral band replication, in hertz.
    package var extensionSampleRate: Int?

    private static let sampleRates = [
        96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000, 7_350,
    ]
    private static let maximumBytes = 256

    /// - Throws: `CodecError` with the reason for the DJ: cut short, a reserved rate or layout, an object type that is not AAC.
    package init(_ bytes: [UInt8]) throws(CodecError) {
        guard bytes.count <= Self.maximumBytes else {
            throw CodecError(.malformed, "The AAC configuration is too long.")
        }
        var reader = BitReader(bytes, what: "AAC configuration")
        let signalledType = try Self.readObjectType(&reader)
        let sampleRate = try Self.readSampleRate(&reader)
        let layout = try reader.int(4)
        var coreType = signalledType
        if signalledType == 5 || signalledType == 29 {
            hasSpectralBandReplication = true
            hasParametricStereo = signalledType == 29
            extensionSampleRate = try Self.readSampleRate(&reader)
            coreType = try Self.readObjectType(&reader)
        }
        guard (1...4).contains(coreType) else {
            throw CodecError(
                .unsupported, "Audio object type \(coreType) is not taken: set the encoder's audio codec to AAC-LC.")
        }
        let hasShortFrames = try reader.flag()
        if try reader.flag() { try reader.skip(14) }  // dependsOnCoreCoder, coreCoderDelay
        try reader.skip(1)  // extensionFlag: nothing follows for these object types
        let channels = layout == 0 ? try Self.readProgramConfig(&reader) : Self.channels(ofLayout: layout)
        guard let channels, (1...8).contains(channels) else {
            throw CodecError(
                .unsupported, "The AAC channelConfiguration \(layout) is not known: set the sound to stereo.")
        }
        format = AudioFormat(
            configuration: bytes, objectType: signalledType, sampleRate: sampleRate, channels: channels,
            samplesPerFrame: hasShortFrames ? 960 : 1024)
        if !hasSpectralBandReplication { readBackwardCompatibleExtension(&reader) }
        format.hasSpectralBandReplication = hasSpectralBandReplication
        format.hasParametricStereo = hasParametricStereo
    }

    private static func readObjectType(_ reader: inout BitReader) throws(CodecError) -> Int {
        let type = try reader.int(5)
        return type == 31 ? 32 + (try reader.int(6)) : type
    }

    private static func readSampleRate(_ reader: inout BitReader) throws(CodecError) -> Int {
        let index = try reader.int(4)
        let isExplicit = index == 15
        let rate = isExplicit ? try reader.int(24) : (sampleRates.indices.contains(index) ? sampleRates[index] : 0)
        guard (7_350...96_000).contains(rate) else {
            throw CodecError(
                .malformed,
                "The AAC configuration has a samplingFrequencyIndex or samplingFrequency that does not exist.")
        }
        return rate
    }

    /// Table 1.19; 11, 12 and 14 came later (7 and 8 channels).
    private static func channels(ofLayout layout: Int) -> Int? {
        switch layout {
        case 1...6: layout
        case 7, 12, 14: 8
        case 11: 7
        default: nil
        }
    }

    /// `program_config_element` (§4.5.1.1), for its channel count only.
    private static func readProgramConfig(_ reader: inout BitReader) throws(CodecError) -> Int {
        try reader.skip(4 + 2 + 4)
        let front = try reader.int(4)
        let side = try reader.int(4)
        let back = try reader.int(4)
        let lowFrequency = try reader.int(2)
        try reader.skip(3 + 4)  // associated data and coupling element counts: their elements come later
        for bits in [4, 4, 3] where try reader.flag() { try reader.skip(bits) }  // mono, stereo, matrix mixdown
        var channels = lowFrequency
        for _ in 0..<(front + side + back) {
            channels += try reader.flag() ? 2 : 1
            try reader.skip(4)
        }
        return channels
    }

    /// `syncExtensionType` 0x2B7 behind the core's configuration: older decoders do not see it. Damage here is harmless.
    private mutating func readBackwardCompatibleExtension(_ reader: inout BitReader) {
        guard reader.remainingBits >= 16, (try? reader.int(11)) == 0x2B7, (try? reader.int(5)) == 5,
            (try? reader.flag()) == true, let rate = try? Self.readSampleRate(&reader)
        else { return }
        hasSpectralBandReplication = true
        extensionSampleRate = rate
        if reader.remainingBits >= 12, (try? reader.int(11)) == 0x548 {
            hasParametricStereo = (try? reader.flag()) == true
        }
    }
}
