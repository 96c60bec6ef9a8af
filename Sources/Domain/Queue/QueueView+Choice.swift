extension QueueView {
    /// The entry that a person or a program names: by its id, or by the DJ's name without regard to case.
    ///
    /// - Throws: `.unknownEntry` when there is none; `.refused` with the list when more than one has that name.
    package func entry(named text: String) throws(QueueCommandError) -> Entry {
        if let id = EntryID(text) {
            guard let entry = entries.first(where: { $0.id == id }) else { throw .unknownEntry }
            return entry
        }
        let wanted = text.lowercased()
        let found = entries.filter { $0.name.lowercased() == wanted }
        guard let first = found.first else { throw .unknownEntry }
        guard found.count == 1 else {
            let list = found.map { "\($0.id) (\($0.state == .onAir ? "on air" : "waiting"), \($0.name))" }
            throw .refused(
                "\(found.count) entries have this name; name one by its id: \(list.joined(separator: ", ")).")
        }
        return first
    }

    /// The entry at a place as lists show it: 0 is on air, 1 the first of those who wait.
    package func entry(at place: Int) -> Entry? {
        if place == 0 { return entries.first { $0.state == .onAir } }
        let waiting = entries.filter { $0.state == .waiting }
        return waiting.indices.contains(place - 1) ? waiting[place - 1] : nil
    }

    /// The entry that a person at a shell chooses: by its place in the list, its id, or the DJ's name.
    ///
    /// - Throws: as `entry(named:)`; `.refused` also when a number is both a place and somebody's name.
    package func entry(chosenBy text: String) throws(QueueCommandError) -> Entry {
        guard let place = Int(text), let there = entry(at: place) else { return try entry(named: text) }
        let namesake = entries.first { $0.name == text && $0.id != there.id }
        guard let namesake else { return there }
        throw .refused(
            "\(text) is the place of \(there.name) (\(there.id)) and the name of \(namesake.id); name one by its id.")
    }
}
