import Domain
private import Foundation

/// Queue settings as they stand in `channels.settings`: JSON whose absent fields have their defaults, so that a row written
/// by an older binary is read by a newer one; a limit that was taken away is an explicit null.
struct StoredQueueSettings {
    private enum Key: String, CodingKey {
        case slotSeconds, overtimeWhenAlone, graceOnAirSeconds, graceWaitingSeconds, maximumLength, isOpen
    }

    private var settings: QueueSettings

    static func json(of settings: QueueSettings) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        return String(decoding: try encoder.encode(Self(settings: settings)), as: UTF8.self)
    }

    /// - Parameter json: the column; `nil` for NULL.
    static func settings(from json: String?) throws -> QueueSettings {
        guard let json else { return QueueSettings() }
        return try JSONDecoder().decode(Self.self, from: Data(json.utf8)).settings
    }
}

extension StoredQueueSettings: Codable {
    init(from decoder: any Decoder) throws {
        let fields = try decoder.container(keyedBy: Key.self)
        var settings = QueueSettings()
        if fields.contains(.slotSeconds) {
            settings.slotSeconds = try fields.decodeIfPresent(Int.self, forKey: .slotSeconds)
        }
        if fields.contains(.maximumLength) {
            settings.maximumLength = try fields.decodeIfPresent(Int.self, forKey: .maximumLength)
        }
        settings.overtimeWhenAlone =
            try fields.decodeIfPresent(Bool.self, forKey: .overtimeWhenAlone) ?? settings.overtimeWhenAlone
        settings.graceOnAirSeconds =
            try fields.decodeIfPresent(Int.self, forKey: .graceOnAirSeconds) ?? settings.graceOnAirSeconds
        settings.graceWaitingSeconds =
            try fields.decodeIfPresent(Int.self, forKey: .graceWaitingSeconds) ?? settings.graceWaitingSeconds
        settings.isOpen = try fields.decodeIfPresent(Bool.self, forKey: .isOpen) ?? settings.isOpen
        self.settings = settings
    }

    func encode(to encoder: any Encoder) throws {
        var fields = encoder.container(keyedBy: Key.self)
        // Optionals are encoded as they are: nil becomes null, not absence.
        try fields.encode(settings.slotSeconds, forKey: .slotSeconds)
        try fields.encode(settings.maximumLength, forKey: .maximumLength)
        try fields.encode(settings.overtimeWhenAlone, forKey: .overtimeWhenAlone)
        try fields.encode(settings.graceOnAirSeconds, forKey: .graceOnAirSeconds)
        try fields.encode(settings.graceWaitingSeconds, forKey: .graceWaitingSeconds)
        try fields.encode(settings.isOpen, forKey: .isOpen)
    }
}
