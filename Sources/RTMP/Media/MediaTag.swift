import Domain
import NIOCore

/// What an audio or video message says before its payload: FLV's tag header (Adobe Flash Video 10.1 §E.4) or Enhanced RTMP's
/// (v2; `EnhancedTag.swift`), brought to one form. Parsing looks at no codec.
struct MediaTag: Equatable {
    enum Content: Equatable {
        /// A codec configuration record.
        case configuration(TagCodec, ByteBuffer)
        /// AV1's video descriptor of MPEG-2 TS, in a configuration's place.
        case transportDescriptor(ByteBuffer)
        /// `compositionOffset` in milliseconds, signed (FLV's CompositionTime).
        case frame(TagCodec, compositionOffset: Int32, ByteBuffer)
        /// Which speakers the channels are for.
        case channels(MultichannelLayout)
        /// Nothing to do: end of sequence, a seek command, colour metadata, silence of no bytes.
        case nothing
        /// A form this server cannot take, in words for the DJ.
        case refused(String)
        /// It ends within its own header.
        case truncated
    }

    var content: Content
    /// Adds to the message's timestamp, 0…999,999.
    var nanoseconds: Int64 = 0
    /// Ids of the tracks beside the first that the message holds; they are not read.
    var otherTracks: [UInt8] = []

    init(_ content: Content) { self.content = content }
}

/// Whom a tag's payload is for.
enum TagCodec: Equatable {
    case video(VideoFormat.Codec)
    case audio(AudioFormat.Codec)
    /// One that is not read here, by the name a DJ knows it by.
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
            self.init(.nothing)
            return
        }
        if first & 0x80 != 0 {
            self.init(enhancedVideo: first & 0x7F, body)
        } else if first >> 4 == Self.commandFrame {
            self.init(.nothing)
        } else {
            self.init(Self.legacyVideo(codec: first & 0x0F, &body))
        }
    }

    /// Reads an FLV AUDIODATA or Enhanced RTMP audio header.
    ///
    ///     legacy:   sound format 4 · rate 2 · size 1 · channels 1 · [AAC packet type 8] · payload
    ///     enhanced: 9 (4 bits) · packet type 4 · fourCC 32 · payload
    init(audio body: ByteBuffer) {
        var body = body
        guard let first = body.readInteger(as: UInt8.self) else {
            self.init(.nothing)
            return
        }
        switch first >> 4 {
        case Self.enhancedSound: self.init(enhancedAudio: first & 0x0F, body)
        case 10: self.init(Self.legacyAAC(&body))
        // 14 is MP3 at 8 kHz; the frame's own header says the rate.
        case 2, 14: self.init(Self.frame(.audio(.mp3), body))
        case let format: self.init(Self.frame(.other(Self.soundName(format)), body))
        }
    }

    static let commandFrame: UInt8 = 5
    private static let enhancedSound: UInt8 = 9

    static func frame(_ codec: TagCodec, _ body: ByteBuffer) -> Content {
        body.readableBytes == 0 ? .nothing : .frame(codec, compositionOffset: 0, body)
    }

    /// A frame behind its composition time.
    static func timedFrame(_ codec: TagCodec, _ body: ByteBuffer) -> Content {
        var body = body
        guard let offset = body.readUInt24() else { return .truncated }
        return .frame(codec, compositionOffset: Int32(bitPattern: offset << 8) >> 8, body)
    }

    private static func legacyVideo(codec id: UInt8, _ body: inout ByteBuffer) -> Content {
        let codec: TagCodec
        switch id {
        case 7: codec = .video(.h264)
        // Of no specification, but what Chinese platforms and older ffmpeg builds send; laid out as AVC.
        case 12: codec = .video(.hevc)
        default: return frame(.other(videoName(id)), body)
        }
        guard let packetType = body.readInteger(as: UInt8.self) else { return .truncated }
        switch packetType {
        case 0: return body.readUInt24() == nil ? .truncated : .configuration(codec, body)
        case 1: return timedFrame(codec, body)
        default: return .nothing  // 2 ends the sequence: the next picture or the connection's end says it better.
        }
    }

    private static func legacyAAC(_ body: inout ByteBuffer) -> Content {
        guard let packetType = body.readInteger(as: UInt8.self) else { return .truncated }
        switch packetType {
        case 0: return .configuration(.audio(.aac), body)
        case 1: return frame(.audio(.aac), body)
        default: return .nothing
        }
    }

    private static func videoName(_ id: UInt8) -> String {
        switch id {
        case 2: "Sorenson H.263"
        case 3, 6: "Screen video"
        case 4, 5: "VP6"
        case 8: "VP8"
        case 9: "VP9 (in an old form)"
        case 13: "AV1 (in an old form)"
        default: "an unknown video codec (\(id))"
        }
    }

    private static func soundName(_ format: UInt8) -> String {
        switch format {
        case 0, 3: "uncompressed PCM"
        case 1: "ADPCM"
        case 4...6: "Nellymoser"
        case 7, 8: "G.711"
        case 11: "Speex"
        case 13: "Opus (in an old form)"
        default: "an unknown audio codec (\(format))"
        }
    }
}
