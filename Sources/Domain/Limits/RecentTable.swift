/// A dictionary that never holds more than `capacity` entries (I11): what was not stored for longest is forgotten.
///
/// It forgets by halves instead of one by one: entries live in two generations, and when the younger is full the older is
/// dropped whole. So each operation takes constant time however hard a flood of addresses pushes, and of what was stored
/// lately at least the newest `capacity / 2` are always there. A value; its owner has the lock.
package struct RecentTable<Key: Hashable & Sendable, Value: Sendable>: Sendable {
    private var younger: [Key: Value] = [:]
    private var older: [Key: Value] = [:]
    private let half: Int

    /// - Parameter capacity: entries at most; two at least.
    package init(capacity: Int) { half = max(1, capacity / 2) }

    package var count: Int { younger.count + older.count }

    /// Reading does not make an entry younger; storing does.
    package subscript(key: Key) -> Value? {
        get { younger[key] ?? older[key] }
        set {
            older[key] = nil
            guard let newValue else {
                younger[key] = nil
                return
            }
            if younger.count >= half, younger[key] == nil {
                older = younger
                younger = [:]
            }
            younger[key] = newValue
        }
    }

    /// Takes as long as looking at each entry, and as removing those of which `isOver` is true.
    package mutating func removeAll(where isOver: (Value) -> Bool) {
        for (key, value) in younger where isOver(value) { younger[key] = nil }
        for (key, value) in older where isOver(value) { older[key] = nil }
    }
}
