import Domain
import NIOCore

/// What an audio or video message says before its payload: FLV's tag header (Adobe Flash Video 10.1 §E.4) or Enhanced RTMP's
/// (v2), brought to one form. Parsing looks at no codec.
enum MediaTag: Equatable {
    /// A codec configuration record.
    case configuration(TagCodec, ByteBuffer)
    /// `compositionOffset` in milliseconds, signed (FLV's CompositionTime).
    case frame(TagCodec, compositionOffset: Int32, ByteBuffer)
    /// Nothing to do: end of sequence, a seek command, colour metadata, silence of no bytes.
    case nothing
    /// A form this server cannot take, in words for the DJ.
    case refused(String)
    /// It ends within its own header.
    case truncated
}

/// Whom a tag's payload is for.
enum TagCodec: Equatable {
    case h264
    case aac
    /// By the name a DJ knows it by.
    case other(String)
}

extension MediaTag {
    /// Reads an FLV VIDEODATA or Enhanced RTMP video header.
    ///
    ///     legacy:   frame type 4 · codec id 4 · [AVC packet type 8 · composition time s24] · payload
    ///     enhanced: 1 · frame type 3 · packet type 4 · fourCC 32 · [composition time s24] · payload
    init(video body: ByteBuffer) {
        var body = body
        guard let first = body.readInteger(as: UInt8.self) else {
            self = .nothing
            return
        }
        if first & 0x80 != 0 {
            self = Self.enhancedVideo(frameType: first >> 4 & 7, packetType: first & 0x0F, &body)
        } else if first >> 4 == Self.commandFrame {
            self = .nothing
        } else {
            self = Self.legacyVideo(codec: first & 0x0F, &body)
        }
    }

    /// Reads an FLV AUDIODATA or Enhanced RTMP audio header.
    ///
    ///     legacy:   sound format 4 · rate 2 · size 1 · channels 1 · [AAC packet type 8] · payload
    ///     enhanced: 9 (4 bits) · packet type 4 · fourCC 32 · payload
    init(audio body: ByteBuffer) {
        var body = body
        guard let first = body.readInteger(as: UInt8.self) else {
            self = .nothing
            return
        }
        let format = first >> 4
        if format == Self.enhancedSound {
            self = Self.enhancedAudio(packetType: first & 0x0F, &body)
        } else if format == Self.aacSound {
            self = Self.legacyAAC(&body)
        } else {
            self =
                body.readableBytes == 0 ? .nothing : .frame(.other(Self.soundName(format)), compositionOffset: 0, body)
        }
    }

    private static let commandFrame: UInt8 = 5
    private static let aacSound: UInt8 = 10
    private static let enhancedSound: UInt8 = 9

    // MARK: Legacy tags

    private static func legacyVideo(codec id: UInt8, _ body: inout ByteBuffer) -> MediaTag {
        let codec: TagCodec
        switch id {
        case 7: codec = .h264
        case 12: codec = .other("HEVC (H.265)")
        default: return .frame(.other(videoName(id)), compositionOffset: 0, body)
        }
        guard let packetType = body.readInteger(as: UInt8.self), let offset = body.readInt24() else {
            return .truncated
        }
        switch packetType {
        case 0: return .configuration(codec, body)
        case 1: return .frame(codec, compositionOffset: offset, body)
        default: return .nothing  // 2 ends the sequence: the next picture or the connection's end says it better.
        }
    }

    private static func legacyAAC(_ body: inout ByteBuffer) -> MediaTag {
        guard let packetType = body.readInteger(as: UInt8.self) else { return .truncated }
        switch packetType {
        case 0: return .configuration(.aac, body)
        case 1: return body.readableBytes == 0 ? .nothing : .frame(.aac, compositionOffset: 0, body)
        default: return .nothing
        }
    }

    private static func videoName(_ id: UInt8) -> String {
        switch id {
        case 2: "Sorenson H.263"
        case 3, 6: "Screen video"
        case 4, 5: "VP6"
        case 8: "VP8"
        case 9: "VP9"
        case 13: "AV1"
        default: "an unknown video codec (\(id))"
        }
    }

    private static func soundName(_ format: UInt8) -> String {
        switch format {
        case 0, 3: "uncompressed PCM"
        case 1: "ADPCM"
        case 2, 14: "MP3"
        case 4...6: "Nellymoser"
        case 7, 8: "G.711"
        case 11: "Speex"
        case 13: "Opus"
        default: "an unknown audio codec (\(format))"
        }
    }
}

extension ByteBuffer {
    /// Three bytes as a signed number, big-endian.
    fileprivate mutating func readInt24() -> Int32? {
        readUInt24().map { Int32(bitPattern: $0 << 8) >> 8 }
    }
}

// MARK: - Enhanced RTMP

extension MediaTag {
    private enum PacketType {
        static let sequenceStart: UInt8 = 0
        static let codedFrames: UInt8 = 1
        static let sequenceEnd: UInt8 = 2
        static let codedFramesX: UInt8 = 3
        static let videoMultitrack: UInt8 = 6
        static let audioMultitrack: UInt8 = 5
        static let modifier: UInt8 = 7
    }

    private static let multitrackReason =
        "Several tracks in one stream (multitrack) are not taken: switch Multitrack Video off in the encoder."

    private static func enhancedVideo(frameType: UInt8, packetType: UInt8, _ body: inout ByteBuffer) -> MediaTag {
        guard let packetType = skipModifiers(packetType, &body) else { return .truncated }
        if packetType == PacketType.videoMultitrack { return .refused(multitrackReason) }
        if frameType == commandFrame { return .nothing }
        guard let fourCC = body.readString(length: 4) else { return .truncated }
        let codec: TagCodec = fourCC == "avc1" ? .h264 : .other(name(ofVideo: fourCC))
        switch packetType {
        case PacketType.sequenceStart: return .configuration(codec, body)
        case PacketType.codedFrames:
            // Only AVC and HEVC have composition times; the others are refused before it matters.
            guard codec == .h264 else { return .frame(codec, compositionOffset: 0, body) }
            guard let offset = body.readInt24() else { return .truncated }
            return .frame(codec, compositionOffset: offset, body)
        case PacketType.codedFramesX: return .frame(codec, compositionOffset: 0, body)
        default: return .nothing
        }
    }

    private static func enhancedAudio(packetType: UInt8, _ body: inout ByteBuffer) -> MediaTag {
        guard let packetType = skipModifiers(packetType, &body) else { return .truncated }
        if packetType == PacketType.audioMultitrack { return .refused(multitrackReason) }
        guard let fourCC = body.readString(length: 4) else { return .truncated }
        let codec: TagCodec = fourCC == "mp4a" ? .aac : .other(name(ofAudio: fourCC))
        switch packetType {
        case PacketType.sequenceStart: return .configuration(codec, body)
        case PacketType.codedFrames:
            return body.readableBytes == 0 ? .nothing : .frame(codec, compositionOffset: 0, body)
        default: return .nothing
        }
    }

    /// Steps over ModEx prefixes (nanosecond offsets and the like); each takes at least two bytes, so this ends.
    ///
    ///     size-1 8 (255: size-1 16 follows) · data · type 4 · next packet type 4
    private static func skipModifiers(_ packetType: UInt8, _ body: inout ByteBuffer) -> UInt8? {
        var packetType = packetType
        while packetType == PacketType.modifier {
            guard let short = body.readInteger(as: UInt8.self) else { return nil }
            var size = Int(short) + 1
            if size == 256 {
                guard let wide = body.readInteger(as: UInt16.self) else { return nil }
                size = Int(wide) + 1
            }
            guard body.readSlice(length: size) != nil, let next = body.readInteger(as: UInt8.self) else { return nil }
            packetType = next & 0x0F
        }
        return packetType
    }

    private static func name(ofVideo fourCC: String) -> String {
        switch fourCC {
        case "hvc1": "HEVC (H.265)"
        case "av01": "AV1"
        case "vp09": "VP9"
        case "vp08": "VP8"
        case "vvc1": "VVC (H.266)"
        default: "an unknown video codec"
        }
    }

    private static func name(ofAudio fourCC: String) -> String {
        switch fourCC {
        case "Opus": "Opus"
        case ".mp3": "MP3"
        case "fLaC": "FLAC"
        case "ac-3": "AC-3"
        case "ec-3": "E-AC-3"
        default: "an unknown audio codec"
        }
    }
}
