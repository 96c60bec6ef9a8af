import NIOCore

/// Enhanced RTMP's MultichannelConfig packet: which speakers the channels of a sound track are for.
///
///     order 8 · count 8 · native: speakers 32 (a bit each); custom: a speaker 8 per channel
package enum MultichannelLayout: Equatable, Sendable {
    case unspecified(channels: Int)
    /// Bits of `AudioChannelMask`, as many as there are channels.
    case native(UInt32)
    /// Values of `AudioChannel`, in the order of the channels.
    case custom([UInt8])

    package var channels: Int {
        switch self {
        case .unspecified(let channels): channels
        case .native(let mask): mask.nonzeroBitCount
        case .custom(let map): map.count
        }
    }

    static func content(_ body: ByteBuffer) -> MediaTag.Content {
        var body = body
        guard let order = body.readInteger(as: UInt8.self), let count = body.readInteger(as: UInt8.self) else {
            return .truncated
        }
        guard count > 0 else { return refused("channelCount is 0") }
        switch order {
        case 0: return .channels(.unspecified(channels: Int(count)))
        case 1:
            guard let mask = body.readInteger(as: UInt32.self) else { return .truncated }
            guard mask.nonzeroBitCount == Int(count) else {
                return refused("audioChannelFlags do not fit channelCount")
            }
            return .channels(.native(mask))
        case 2:
            guard let map = body.readBytes(length: Int(count)) else { return .truncated }
            return .channels(.custom(map))
        default: return refused("audioChannelOrder \(order) is not known")
        }
    }

    private static func refused(_ what: String) -> MediaTag.Content {
        .refused("The multichannel configuration cannot be read (\(what)): set the sound to stereo in the encoder.")
    }
}
