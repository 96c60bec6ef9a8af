import Domain
import NIOCore

/// Enhanced RTMP v2: "ExVideoTagHeader", "ExAudioTagHeader" and their bodies.
///
///     [modifiers] · packet type · fourCC 32 · body
///     [modifiers] · multitrack · tracks 4 · packet type 4 · [fourCC 32] · ([fourCC 32] · id 8 · [size 24] · body)…
extension MediaTag {
    /// - Parameter head: frame type 3 · packet type 4.
    init(enhancedVideo head: UInt8, _ body: ByteBuffer) {
        self.init(packetType: head & 0x0F, body) { packetType, fourCC, body in
            Self.videoContent(packetType, FourCC.video(fourCC), body)
        } multitrack: {
            $0 == VideoPacket.multitrack
        } isCommand: {
            // The frame type means nothing beside metadata.
            head >> 4 == Self.commandFrame && $0 != VideoPacket.metadata
        }
    }

    init(enhancedAudio packetType: UInt8, _ body: ByteBuffer) {
        self.init(packetType: packetType, body) { packetType, fourCC, body in
            Self.audioContent(packetType, FourCC.audio(fourCC), body)
        } multitrack: {
            $0 == AudioPacket.multitrack
        } isCommand: { _ in
            false
        }
    }

    private enum VideoPacket {
        static let sequenceStart: UInt8 = 0
        static let codedFrames: UInt8 = 1
        static let codedFramesX: UInt8 = 3
        static let metadata: UInt8 = 4
        static let transportSequenceStart: UInt8 = 5
        static let multitrack: UInt8 = 6
    }

    private enum AudioPacket {
        static let sequenceStart: UInt8 = 0
        static let codedFrames: UInt8 = 1
        static let multichannel: UInt8 = 4
        static let multitrack: UInt8 = 5
    }

    private init(
        packetType: UInt8, _ body: ByteBuffer, content: (UInt8, UInt32, ByteBuffer) -> Content,
        multitrack: (UInt8) -> Bool, isCommand: (UInt8) -> Bool
    ) {
        self.init(.truncated)
        var body = body
        guard var packetType = readModifiers(packetType, &body) else { return }
        if isCommand(packetType) {
            self.content = .nothing
        } else if multitrack(packetType) {
            guard let kinds = body.readInteger(as: UInt8.self) else { return }
            packetType = kinds & 0x0F
            guard !multitrack(packetType) else {
                self.content = .refused("A multitrack tag holds another one: update the encoder.")
                return
            }
            guard let arrangement = Arrangement(rawValue: kinds >> 4) else {
                self.content = .refused("A multitrack tag has an unknown arrangement: switch multitrack off.")
                return
            }
            self.content = readTracks(arrangement, &body) { content(packetType, $0, $1) }
        } else if let fourCC = body.readInteger(as: UInt32.self) {
            self.content = content(packetType, fourCC, body)
        }
    }

    private static func videoContent(_ packetType: UInt8, _ codec: TagCodec, _ body: ByteBuffer) -> Content {
        switch packetType {
        case VideoPacket.sequenceStart: return .configuration(codec, body)
        case VideoPacket.codedFrames:
            return codec == .video(.h264) || codec == .video(.hevc) ? timedFrame(codec, body) : frame(codec, body)
        case VideoPacket.codedFramesX: return frame(codec, body)
        case VideoPacket.transportSequenceStart where codec == .video(.av1): return .transportDescriptor(body)
        default: return .nothing  // The end of a sequence, colour metadata, what is reserved.
        }
    }

    private static func audioContent(_ packetType: UInt8, _ codec: TagCodec, _ body: ByteBuffer) -> Content {
        switch packetType {
        case AudioPacket.sequenceStart: return .configuration(codec, body)
        case AudioPacket.codedFrames: return frame(codec, body)
        case AudioPacket.multichannel: return MultichannelLayout.content(body)
        default: return .nothing
        }
    }

    // MARK: Modifiers

    private static let modifier: UInt8 = 7
    private static let timestampOffset: UInt8 = 0
    private static let maximumNanoseconds: UInt32 = 999_999

    /// Steps over ModEx prefixes and keeps a nanosecond offset, the last one of several. Each takes at least three bytes, so
    /// this ends. Unknown kinds and offsets beyond a millisecond are left out.
    ///
    ///     size-1 8 (255: size-1 16 follows) · data · kind 4 · next packet type 4
    private mutating func readModifiers(_ packetType: UInt8, _ body: inout ByteBuffer) -> UInt8? {
        var packetType = packetType
        while packetType == Self.modifier {
            guard let short = body.readInteger(as: UInt8.self) else { return nil }
            var size = Int(short) + 1
            if size == 256 {
                guard let wide = body.readInteger(as: UInt16.self) else { return nil }
                size = Int(wide) + 1
            }
            guard var data = body.readSlice(length: size), let next = body.readInteger(as: UInt8.self) else {
                return nil
            }
            if next >> 4 == Self.timestampOffset, let offset = data.readUInt24(), offset <= Self.maximumNanoseconds {
                nanoseconds = Int64(offset)
            }
            packetType = next & 0x0F
        }
        return packetType
    }

    // MARK: Tracks

    private static let maximumTracks = 256

    private enum Arrangement: UInt8 {
        case oneTrack, manyTracks, manyTracksManyCodecs
    }

    /// The first track 0; the others' ids are noted. An id is a byte, so there are no more tracks than that.
    private mutating func readTracks(
        _ arrangement: Arrangement, _ body: inout ByteBuffer, _ content: (UInt32, ByteBuffer) -> Content
    ) -> Content {
        var first: Content?
        var fourCC: UInt32 = 0
        var count = 0
        let length = body.readableBytes
        if arrangement != .manyTracksManyCodecs {
            guard let shared = body.readInteger(as: UInt32.self) else { return .truncated }
            fourCC = shared
        }
        repeat {
            count += 1
            guard count <= Self.maximumTracks else {
                return .refused("A multitrack tag holds more than \(Self.maximumTracks) tracks: switch multitrack off.")
            }
            if arrangement == .manyTracksManyCodecs {
                guard let own = body.readInteger(as: UInt32.self) else { return first ?? .truncated }
                fourCC = own
            }
            guard let id = body.readInteger(as: UInt8.self) else { return first ?? .truncated }
            let size = arrangement == .oneTrack ? body.readableBytes : body.readUInt24().map(Int.init)
            guard let size, let track = body.readSlice(length: size) else { return first ?? .truncated }
            if id != 0 {
                otherTracks.append(id)
            } else if first == nil {
                first = content(fourCC, track.alone(outOf: length))
            }
        } while body.readableBytes > 0 && arrangement != .oneTrack
        return first ?? .nothing
    }
}
