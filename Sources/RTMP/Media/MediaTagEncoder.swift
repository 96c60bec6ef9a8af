package import Domain
package import NIOCore

/// What stands before a payload in an audio or video message: 1…8 bytes, held in line, so that making one claims no memory.
package struct MediaTagHeader: Sendable, Equatable {
    private var bits: UInt64 = 0
    package private(set) var count = 0

    fileprivate mutating func append(_ byte: UInt8) {
        bits |= UInt64(byte) << UInt64(56 - 8 * count)
        count += 1
    }

    fileprivate mutating func append(_ fourCC: UInt32) {
        for shift in [24, 16, 8, 0] as [UInt32] { append(UInt8(truncatingIfNeeded: fourCC >> shift)) }
    }

    /// Three bytes, big-endian.
    fileprivate mutating func append24(_ value: Int32) {
        for shift in [16, 8, 0] as [Int32] { append(UInt8(truncatingIfNeeded: value >> shift)) }
    }

    package func write(to buffer: inout ByteBuffer) {
        for index in 0..<count { buffer.writeInteger(UInt8(truncatingIfNeeded: bits >> UInt64(56 - 8 * index))) }
    }

    package var buffer: ByteBuffer {
        var buffer = ByteBufferAllocator().buffer(capacity: count)
        write(to: &buffer)
        return buffer
    }
}

/// Writes the bodies of audio, video and data messages: the reverse of `MediaTagDecoder`.
///
/// H.264 and AAC take FLV's own form, which every peer reads; the other codecs Enhanced RTMP's (v2, "ExVideoTagHeader" and
/// "ExAudioTagHeader"). A unit's message is its header, then its payload as it is: the payload can be shared. Pure.
package enum MediaTagEncoder {
    private enum Packet {
        static let sequenceStart: UInt8 = 0
        static let codedFrames: UInt8 = 1
        static let sequenceEnd: UInt8 = 2
        static let codedFramesX: UInt8 = 3
    }

    private static let keyFrame: UInt8 = 1
    private static let interFrame: UInt8 = 2
    private static let legacyAVC: UInt8 = 7
    /// AAC with the rate, size and channels that FLV prescribes for it, whatever they are (§E.4.2.1).
    private static let legacyAAC: UInt8 = 0xAF

    // MARK: Configurations

    /// The body of the video message that comes before the first picture and again when the format changes.
    package static func configuration(of format: VideoFormat) -> ByteBuffer {
        body(configurationHeader(format.codec), format.configuration)
    }

    /// As for video; `nil` for MP3, AC-3 and E-AC-3, whose frames need no configuration.
    package static func configuration(of format: AudioFormat) -> ByteBuffer? {
        switch format.codec {
        case .aac:
            var header = MediaTagHeader()
            header.append(legacyAAC)
            header.append(UInt8(0))
            return body(header, format.configuration)
        case .opus, .flac: return body(enhanced(format.codec, Packet.sequenceStart), format.configuration)
        case .mp3, .ac3, .eac3: return nil
        }
    }

    /// The body of the video message that says that no more pictures come.
    package static func endOfSequence(_ codec: VideoFormat.Codec) -> ByteBuffer {
        guard codec == .h264 else { return enhanced(codec, keyFrame, Packet.sequenceEnd).buffer }
        return legacy(keyFrame, 2, offset: 0).buffer
    }

    private static func configurationHeader(_ codec: VideoFormat.Codec) -> MediaTagHeader {
        codec == .h264 ? legacy(keyFrame, 0, offset: 0) : enhanced(codec, keyFrame, Packet.sequenceStart)
    }

    private static func body(_ header: MediaTagHeader, _ configuration: [UInt8]) -> ByteBuffer {
        var buffer = ByteBufferAllocator().buffer(capacity: header.count + configuration.count)
        header.write(to: &buffer)
        buffer.writeBytes(configuration)
        return buffer
    }

    // MARK: Units

    /// What goes before one picture.
    /// - Parameter compositionOffset: presentation minus decoding time in milliseconds; of H.264 and HEVC only. Held to the 24
    ///   bits it has, which is 2.3 hours either way.
    package static func header(
        _ codec: VideoFormat.Codec, isKeyFrame: Bool, compositionOffset: Int32
    ) -> MediaTagHeader {
        let offset = min(max(compositionOffset, -(1 << 23)), 1 << 23 - 1)
        let frameType = isKeyFrame ? keyFrame : interFrame
        switch codec {
        case .h264: return legacy(frameType, 1, offset: offset)
        case .hevc where offset == 0: return enhanced(codec, frameType, Packet.codedFramesX)
        case .hevc:
            var header = enhanced(codec, frameType, Packet.codedFrames)
            header.append24(offset)
            return header
        case .av1, .vp9: return enhanced(codec, frameType, Packet.codedFrames)
        }
    }

    /// What goes before one frame of sound.
    package static func header(_ codec: AudioFormat.Codec) -> MediaTagHeader {
        guard codec == .aac else { return enhanced(codec, Packet.codedFrames) }
        var header = MediaTagHeader()
        header.append(legacyAAC)
        header.append(UInt8(1))
        return header
    }

    /// The offset between two times as they are written, each rounded to a millisecond by itself, so that the presentation time
    /// of a reader is the rounded one.
    package static func compositionOffset(decodeTime: MediaTime, presentationTime: MediaTime) -> Int32 {
        Int32(clamping: presentationTime.ticks(timescale: 1000) - decodeTime.ticks(timescale: 1000))
    }

    // MARK: Headers

    private static func legacy(_ frameType: UInt8, _ packetType: UInt8, offset: Int32) -> MediaTagHeader {
        var header = MediaTagHeader()
        header.append(frameType << 4 | legacyAVC)
        header.append(packetType)
        header.append24(offset)
        return header
    }

    private static func enhanced(
        _ codec: VideoFormat.Codec, _ frameType: UInt8, _ packetType: UInt8
    ) -> MediaTagHeader {
        var header = MediaTagHeader()
        header.append(0x80 | frameType << 4 | packetType)
        header.append(FourCC.of(codec))
        return header
    }

    private static func enhanced(_ codec: AudioFormat.Codec, _ packetType: UInt8) -> MediaTagHeader {
        var header = MediaTagHeader()
        header.append(0x90 | packetType)
        header.append(FourCC.of(codec))
        return header
    }
}

extension MediaTagEncoder {
    /// The body of a data message (type 18): `onMetaData` and what the formats say (Adobe Flash Video 10.1 §E.5).
    /// - Parameters:
    ///   - encoder: the name and version of the sender.
    ///   - isPublishing: puts `@setDataFrame` in front, as a publisher does; a server sends players the bare form.
    package static func metadata(
        _ format: ProgrammeFormat, encoder: String, isPublishing: Bool, hasPictures: Bool = true
    ) -> ByteBuffer {
        var members: AMF0Object = [
            "audiocodecid": .number(audioCodecID(format.audio.codec)),
            "audiosamplerate": .number(Double(format.audio.sampleRate)),
            "audiosamplesize": .number(16), "stereo": .boolean(format.audio.channels == 2),
            "encoder": .string(encoder),
        ]
        if hasPictures { members.members = pictures(format.video) + members.members }
        var body = ByteBuffer()
        if isPublishing { body.writeAMF0(.string("@setDataFrame")) }
        body.writeAMF0([.string("onMetaData"), .associativeArray(members)])
        return body
    }

    private static func pictures(_ format: VideoFormat) -> [AMF0Object.Member] {
        [
            .init("width", .number(Double(format.width))), .init("height", .number(Double(format.height))),
            .init("videocodecid", .number(videoCodecID(format.codec))),
        ] + (format.frameRate.map { [.init("framerate", .number($0))] } ?? [])
    }

    /// FLV's number, or the fourCC as one where there is none.
    private static func videoCodecID(_ codec: VideoFormat.Codec) -> Double {
        codec == .h264 ? Double(legacyAVC) : Double(FourCC.of(codec))
    }

    private static func audioCodecID(_ codec: AudioFormat.Codec) -> Double {
        codec == .aac ? 10 : Double(FourCC.of(codec))
    }
}
