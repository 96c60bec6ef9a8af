import Domain
import HTTPTypes
import Hummingbird

/// What is to be changed of a queue's settings (design §4): a field that is absent stays as it is.
///
/// Names are those of `lineup queue set`; values are their texts (`"30m"`), or numbers, switches, lists and `null` for no limit.
/// The names with their unit in them are understood too.
struct SettingsPatch: Sendable {
    /// Name and text as `QueueSettings.set` takes them.
    private(set) var texts: [String: String] = [:]
    /// The version of the queue it is conditional on.
    private(set) var version: Int64?

    private static let otherNames = [
        "slotSeconds": "slotLength", "isOpen": "open", "graceOnAirSeconds": "graceOnAir",
        "graceWaitingSeconds": "graceWaiting", "warningSeconds": "warnings",
    ]

    /// - Throws: a problem that names the field that does not exist or makes no sense.
    init(_ fields: [String: JSONValue]) throws(Problem) {
        for (field, value) in fields.sorted(by: { $0.key < $1.key }) {
            if field == "version" {
                guard case .integer(let number) = value else { throw .invalid(field: field, "This is a number.") }
                version = number
                continue
            }
            guard let text = Self.text(value) else { throw .invalid(field: field, "This has the wrong type.") }
            let name = Self.otherNames[field] ?? field
            // Alone first, so that what is wrong can be named.
            var scratch = QueueSettings()
            do {
                try scratch.set(name, to: text)
            } catch {
                guard case .invalidSetting(let reason) = error else { throw Problem(error) }
                throw .invalid(field: field, reason)
            }
            texts[name] = text
        }
    }

    private static func text(_ value: JSONValue) -> String? {
        switch value {
        case .null: return "none"
        case .bool(let flag): return flag ? "true" : "false"
        case .integer(let number): return String(number)
        case .string(let text): return text
        case .array(let values):
            let texts = values.map(text)
            return texts.contains(nil) ? nil : texts.compactMap { $0 }.joined(separator: ",")
        case .number, .object: return nil
        }
    }
}
