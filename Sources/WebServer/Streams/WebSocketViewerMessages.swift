import NIOCore
import NIOWebSocket

/// What a viewer sends over a WebSocket, held to RFC 6455 §5, §7 and §8: the rules without the socket.
///
/// Behind NIO's frame decoder, which bounds each frame and refuses long and fragmented control frames. There is nothing to say to a
/// channel: messages are checked and forgotten.
struct WebSocketViewerMessages {
    enum Action: Equatable {
        case nothing
        case pong(ByteBuffer)
        /// The viewer closes, or has broken a rule: the connection ends with this code.
        case close(WebSocketErrorCode)
    }

    private struct Message {
        var isText: Bool
        var bytes = ByteBuffer()
    }

    /// Of a message in one frame or many.
    static let maximumBytes = 4096

    /// Its last frame has not come.
    private var message: Message?

    mutating func receive(_ frame: WebSocketFrame) -> Action {
        // No extension is ever agreed on that gives the reserved bits a meaning (§5.2).
        guard frame.maskKey != nil, !frame.rsv1, !frame.rsv2, !frame.rsv3 else { return .close(.protocolError) }
        switch frame.opcode {
        case .connectionClose: return .close(Self.answer(toClose: frame.unmaskedData))
        case .ping: return .pong(frame.unmaskedData)
        case .pong: return .nothing
        case .text, .binary:
            guard message == nil else { return .close(.protocolError) }
            return take(frame, of: Message(isText: frame.opcode == .text))
        case .continuation:
            guard let message else { return .close(.protocolError) }
            return take(frame, of: message)
        default: return .close(.protocolError)
        }
    }

    private mutating func take(_ frame: WebSocketFrame, of message: Message) -> Action {
        var message = message
        self.message = nil
        guard message.bytes.readableBytes + frame.length <= Self.maximumBytes else { return .close(.messageTooLarge) }
        message.bytes.writeImmutableBuffer(frame.unmaskedData)
        if !frame.fin {
            self.message = message
        } else if message.isText, !Self.isText(message.bytes) {
            return .close(.dataInconsistentWithMessage)
        }
        return .nothing
    }

    /// The viewer's own code back (§5.5.1), where it is one that a peer may send (§7.4).
    private static func answer(toClose body: ByteBuffer) -> WebSocketErrorCode {
        var reason = body
        guard reason.readableBytes > 0 else { return .normalClosure }
        guard let code = reason.readInteger(as: UInt16.self) else { return .protocolError }
        switch code {
        case 1000...1003, 1007...1014, 3000...4999:
            return isText(reason) ? WebSocketErrorCode(codeNumber: Int(code)) : .dataInconsistentWithMessage
        default: return .protocolError
        }
    }

    private static func isText(_ bytes: ByteBuffer) -> Bool {
        String(validating: bytes.readableBytesView, as: UTF8.self) != nil
    }
}
