import Domain
import NIOCore

/// What the server and a decode worker say to each other over a socket: a question, then its answer. Both ends are the same binary.
///
///     message:  [kind u8][length u32 big-endian][payload]
///
///     1  sound      [feed u32][format: length u32, codec u8, rate u32, channels u8, configuration; length 0: as before]
///                   then frames: [length u32][bytes]
///     2  close      [feed u32]
///     3  still      [codec u8][length u32][configuration][key frame]
///
///     17 levels     [samples u32], then for each channel [greatest sample f32][mean square f32]
///     18 done
///     19 picture    a JPEG
///     20 refused    what libav said of it
enum DecodeWire {
    static let maximumQuestionBytes = 8 << 20
    static let maximumAnswerBytes = 1 << 20

    enum Kind: UInt8 {
        case sound = 1
        case close = 2
        case still = 3
        case levels = 17
        case done = 18
        case picture = 19
        case refused = 20
    }

    struct Message: Sendable {
        var kind: Kind
        var payload: ByteBuffer

        init(_ kind: Kind, _ payload: ByteBuffer = ByteBuffer()) {
            self.kind = kind
            self.payload = payload
        }

        /// With its head.
        var bytes: ByteBuffer {
            var buffer = ByteBuffer()
            buffer.reserveCapacity(DecodeWire.headBytes + payload.readableBytes)
            buffer.writeInteger(kind.rawValue)
            buffer.writeInteger(UInt32(clamping: payload.readableBytes))
            buffer.writeImmutableBuffer(payload)
            return buffer
        }
    }

    static let headBytes = 5

    /// - Returns: `nil` for what is no head.
    static func head(_ bytes: ByteBuffer) -> (kind: Kind, length: Int)? {
        var bytes = bytes
        guard let kind = bytes.readInteger(as: UInt8.self).flatMap(Kind.init),
            let length = bytes.readInteger(as: UInt32.self)
        else { return nil }
        return (kind, Int(length))
    }

    // MARK: Questions

    /// - Parameter format: before the first frames of a feed, and where it changes.
    static func sound(feed: UInt32, format: AudioFormat?, frames: [ByteBuffer]) -> Message {
        var payload = ByteBuffer()
        payload.reserveCapacity(64 + frames.reduce(0) { $0 + $1.readableBytes + 4 })
        payload.writeInteger(feed)
        var words = ByteBuffer()
        if let format {
            words.writeInteger(UInt8(clamping: AudioFormat.Codec.allCases.firstIndex(of: format.codec) ?? 0))
            words.writeInteger(UInt32(clamping: format.sampleRate))
            words.writeInteger(UInt8(clamping: format.channels))
            words.writeBytes(format.configuration)
        }
        payload.writeInteger(UInt32(clamping: words.readableBytes))
        payload.writeImmutableBuffer(words)
        for frame in frames {
            payload.writeInteger(UInt32(clamping: frame.readableBytes))
            payload.writeImmutableBuffer(frame)
        }
        return Message(.sound, payload)
    }

    static func close(feed: UInt32) -> Message { Message(.close, ByteBuffer(integer: feed)) }

    static func still(_ format: VideoFormat, _ picture: ByteBuffer) -> Message {
        var payload = ByteBuffer()
        payload.reserveCapacity(16 + format.configuration.count + picture.readableBytes)
        payload.writeInteger(UInt8(clamping: VideoFormat.Codec.allCases.firstIndex(of: format.codec) ?? 0))
        payload.writeInteger(UInt32(clamping: format.configuration.count))
        payload.writeBytes(format.configuration)
        payload.writeImmutableBuffer(picture)
        return Message(.still, payload)
    }

    struct SoundQuestion {
        var feed: UInt32
        var format: AudioFormat?
        var frames: [ByteBuffer]
    }

    static func soundQuestion(_ payload: ByteBuffer) -> SoundQuestion? {
        var payload = payload
        guard let feed = payload.readInteger(as: UInt32.self), let length = payload.readInteger(as: UInt32.self),
            var words = payload.readSlice(length: Int(length))
        else { return nil }
        var format: AudioFormat?
        if words.readableBytes > 0 {
            guard let codec = words.readInteger(as: UInt8.self).flatMap({ AudioFormat.Codec.allCases[safe: Int($0)] }),
                let rate = words.readInteger(as: UInt32.self), let channels = words.readInteger(as: UInt8.self)
            else { return nil }
            format = AudioFormat(
                codec: codec, configuration: Array(words.readableBytesView), sampleRate: Int(rate),
                channels: Int(channels))
        }
        var frames: [ByteBuffer] = []
        while let length = payload.readInteger(as: UInt32.self) {
            guard let frame = payload.readSlice(length: Int(length)) else { return nil }
            frames.append(frame)
        }
        return SoundQuestion(feed: feed, format: format, frames: frames)
    }

    static func stillQuestion(
        _ payload: ByteBuffer
    ) -> (codec: VideoFormat.Codec, configuration: [UInt8], picture: ByteBuffer)? {
        var payload = payload
        guard let codec = payload.readInteger(as: UInt8.self).flatMap({ VideoFormat.Codec.allCases[safe: Int($0)] }),
            let length = payload.readInteger(as: UInt32.self),
            let configuration = payload.readBytes(length: Int(length))
        else { return nil }
        return (codec, configuration, payload)
    }

    // MARK: Levels

    static func levels(_ sums: SoundSums) -> Message {
        var payload = ByteBuffer(integer: UInt32(clamping: sums.samples))
        for (peak, squares) in zip(sums.peaks, sums.squares) {
            payload.writeInteger(peak.bitPattern)
            payload.writeInteger(Float(squares / Double(max(1, sums.samples))).bitPattern)
        }
        return Message(.levels, payload)
    }

    /// - Returns: `nil` where nothing could be decoded.
    static func levels(_ payload: ByteBuffer) -> SoundLevels? {
        var payload = payload
        guard let samples = payload.readInteger(as: UInt32.self), samples > 0 else { return nil }
        var channels: [SoundLevels.Channel] = []
        while let peak = payload.readInteger(as: UInt32.self), let square = payload.readInteger(as: UInt32.self) {
            channels.append(
                SoundLevels.Channel(
                    peak: Decibels.of(amplitude: Float(bitPattern: peak)),
                    rms: Decibels.of(power: Float(bitPattern: square))))
        }
        return channels.isEmpty ? nil : SoundLevels(channels: channels)
    }
}

extension Array {
    fileprivate subscript(safe index: Int) -> Element? { indices.contains(index) ? self[index] : nil }
}
