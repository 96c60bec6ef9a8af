private import Foundation

/// How DJ names are compared: without regard to case and to how a letter with a mark is put together.
///
/// Done here and not by `lower()` in SQL, whose answer depends on the database's locale.
enum AccountName {
    static func key(_ name: String) -> String {
        name.lowercased().precomposedStringWithCanonicalMapping
    }
}
