import Domain
import Logging
import RTMP

extension ServerConnection.CloseCause {
    /// A constant, for logs.
    var label: String {
        switch self {
        case .finished: "finished"
        case .refused(let refusal): refusal.label
        case .protocolError(let error): error.code.rawValue
        case .deadline: "deadline"
        case .idle: "idle"
        case .playRefused: "play"
        case .closedByServer: "closedByServer"
        case .peerLeft: "peerLeft"
        }
    }

    /// For the refusal counter; `nil` where nobody was refused anything.
    var refusalLabel: String? {
        switch self {
        case .refused, .protocolError, .deadline, .idle, .playRefused: label
        case .finished, .closedByServer, .peerLeft: nil
        }
    }

    /// There is nobody who would read last words: it has gone, it does not speak RTMP, or it does not read.
    var isSilent: Bool {
        switch self {
        case .peerLeft: true
        case .protocolError(let error): error.code == .handshakeVersion || error.code == .answersUnread
        case .finished, .refused, .deadline, .idle, .playRefused, .closedByServer: false
        }
    }
}

/// The keys of this target's log metadata.
enum LogKey: String {
    case peer, cause, error, host, port, until, channel, lost
}

extension Logger {
    func debug(_ message: Logger.Message, metadata: [LogKey: Logger.MetadataValue]) {
        guard logLevel <= .debug else { return }
        debug(message, metadata: Self.named(metadata))
    }

    func info(_ message: Logger.Message, metadata: [LogKey: Logger.MetadataValue]) {
        info(message, metadata: Self.named(metadata))
    }

    func notice(_ message: Logger.Message, metadata: [LogKey: Logger.MetadataValue]) {
        notice(message, metadata: Self.named(metadata))
    }

    func error(_ message: Logger.Message, metadata: [LogKey: Logger.MetadataValue]) {
        error(message, metadata: Self.named(metadata))
    }

    private static func named(_ metadata: [LogKey: Logger.MetadataValue]) -> Logger.Metadata {
        Logger.Metadata(uniqueKeysWithValues: metadata.map { ($0.key.rawValue, $0.value) })
    }
}
