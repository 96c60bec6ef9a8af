import Foundation

/// A queue's JSON as lines for people.
enum QueueText {
    /// The part that people read.
    private struct Row: Decodable {
        struct Entry: Decodable {
            let name: String
            let state: String
            let connected: Bool
            let ready: Bool
            let missing: [String]?
            let remainingSeconds: Double?
            let held: Bool?
        }
        let version: Int64
        let showing: String
        let isOpen: Bool
        let slotSeconds: Int?
        let entries: [Entry]
    }

    /// Prints it as it is, or for people.
    static func show(_ json: String, json asJSON: Bool) {
        guard !asJSON, let queue = try? JSONDecoder().decode(Row.self, from: Data(json.utf8)) else {
            return print(json)
        }
        let slot = queue.slotSeconds.map { "slots of \($0) s" } ?? "slots without limit"
        let showing = queue.showing == "dj" ? "a DJ" : "the slate"
        print("\(queue.isOpen ? "Open" : "Closed"), \(slot); the programme shows \(showing). Version \(queue.version).")
        if queue.entries.isEmpty { print("The queue is empty.") }
        var place = 0
        for entry in queue.entries {
            if entry.state != "onAir" { place += 1 }
            let notes = notes(on: entry)
            let number = entry.state == "onAir" ? 0 : place
            print("\(number). \(entry.name)\(notes.isEmpty ? "" : "  (\(notes.joined(separator: "; ")))")")
        }
    }

    private static func notes(on entry: Row.Entry) -> [String] {
        var notes: [String] = []
        if entry.state == "onAir" { notes.append("on air") }
        if entry.held == true { notes.append("held") }
        if let left = entry.remainingSeconds, entry.state == "onAir" { notes.append("\(Int(left)) s left") }
        if !entry.connected { notes.append("dropped, place kept") }
        if entry.connected, !entry.ready, let missing = entry.missing { notes.append(missing.joined(separator: " ")) }
        return notes
    }
}
