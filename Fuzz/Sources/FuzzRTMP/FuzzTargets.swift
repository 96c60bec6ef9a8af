import Domain
import NIOCore
import RTMP

// The first byte chooses what the rest is fed to; the corpus has a file or two for each.

/// A whole connection after its handshake, whose publisher is let in. The second byte says how the input is cut.
private func fuzzConnection(_ input: ByteBuffer) {
    var input = input
    let piece = Int(input.readInteger(as: UInt8.self) ?? 0) + 1
    var connection = ServerConnection(seed: 1)
    connection.bytesReceived(ByteBuffer(bytes: [3] + [UInt8](repeating: 1, count: 3072)))
    var endings = 0
    var asked = 0
    func drain() {
        while let action = connection.next() {
            switch action {
            case .authorise: asked += 1
            case .ended: endings += 1
            case .media(.unit(let unit)) where unit.isKeyFrame && unit.track == .video:
                _ = withParameterSets(unit.payload, format: someFormat)
            case .send, .media, .close: break
            }
        }
    }
    drain()
    while let part = input.readSlice(length: min(piece * piece, input.readableBytes)), part.readableBytes > 0 {
        connection.bytesReceived(part)
        drain()
        if asked == 1, endings == 0, !connection.isPublishing, connection.heldBytes >= 0 {
            asked = 2
            connection.authorised()
            drain()
        }
        precondition(connection.heldBytes <= RTMPLimits().maximumHeldBytes + 65_536)
    }
    connection.inputClosed()
    drain()
    precondition(endings == (asked == 2 ? 1 : 0))
}

private let someFormat = VideoFormat(
    configuration: [], parameterSets: [[0x67], [0x68]], width: 16, height: 16, frameRate: nil, profile: 66,
    constraints: 0,
    level: 10)

private func fuzzTags(_ input: ByteBuffer) {
    var input = input
    var decoder = MediaTagDecoder()
    while let kind = input.readInteger(as: UInt8.self), let size = input.readInteger(as: UInt16.self),
        let body = input.readSlice(length: min(Int(size), input.readableBytes))
    {
        let timestamp = UInt32(size) &* 65_537
        let event =
            try? kind & 1 == 0
            ? decoder.videoReceived(body, timestamp: timestamp) : decoder.audioReceived(body, timestamp: timestamp)
        if case .unit(let unit)?? = event.map(Optional.some) { _ = withParameterSets(unit.payload, format: someFormat) }
    }
}

/// libFuzzer brings its own `main` and calls this.
@_cdecl("LLVMFuzzerTestOneInput")
package func fuzz(_ pointer: UnsafePointer<UInt8>?, _ count: Int) -> Int32 {
    var input = ByteBuffer(bytes: UnsafeBufferPointer(start: pointer, count: count))
    guard let choice = input.readInteger(as: UInt8.self) else { return 0 }
    switch choice % 6 {
    case 0: fuzzConnection(input)
    case 1: _ = try? AMF0Decoder.values(in: input)
    case 2: fuzzTags(input)
    case 3: _ = try? AVCConfiguration(input)
    case 4: _ = try? AACConfiguration(Array(input.readableBytesView))
    default:
        guard var reader = try? FLVFileReader(input) else { return 0 }
        while let event = try? reader.next() { _ = event }
    }
    return 0
}
