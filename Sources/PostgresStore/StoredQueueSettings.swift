import Domain
private import Foundation

/// Queue settings as they stand in `channels.settings`: JSON whose absent fields have their defaults, so that a row written
/// by an older binary is read by a newer one.
enum StoredQueueSettings {
    static func json(of settings: QueueSettings) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        return String(decoding: try encoder.encode(settings), as: UTF8.self)
    }

    /// - Parameter json: the column; `nil` for NULL.
    static func settings(from json: String?) throws -> QueueSettings {
        guard let json else { return QueueSettings() }
        return try JSONDecoder().decode(QueueSettings.self, from: Data(json.utf8))
    }
}
