private import COpenSSL
package import Domain

/// AES-256-GCM (NIST SP 800-38D) by libcrypto, behind `SecretSealing`. A value; usable on any thread.
///
///     version (1) │ key id (4) │ nonce (12) │ ciphertext │ tag (16)
///
/// The purpose is the additional authenticated data. Nonces are random: below 2^32 sealings with one key a repeated one stays
/// out of reach (SP 800-38D §8.3), and ours are a few per person.
package struct SecretBox: SecretSealing {
    private static let version: UInt8 = 1
    private static let keyIDBytes = 4
    private static let nonceBytes = 12
    private static let tagBytes = 16
    private static let headBytes = 1 + keyIDBytes + nonceBytes

    private let key: [UInt8]
    /// Tells a changed key from a changed value; says nothing about the key.
    private let keyID: [UInt8]
    private let random: any RandomBytes

    /// - Parameter secret: at least 128 bits of randomness in any form; the keys are derived from it (HKDF's extract and expand
    ///   with one block, RFC 5869).
    package init(secret: Secret, random: any RandomBytes = SystemRandomBytes()) {
        let mac = SHA256Authentication()
        let extracted = mac.hmacSHA256(key: Array("lineup secret box".utf8), message: Array(secret.exposed.utf8))
        key = mac.hmacSHA256(key: extracted, message: Array("encryption".utf8) + [1])
        keyID = Array(mac.hmacSHA256(key: extracted, message: Array("key id".utf8) + [1]).prefix(Self.keyIDBytes))
        self.random = random
    }

    package func seal(_ plaintext: Secret, for purpose: String) -> [UInt8] {
        let nonce = random.bytes(Self.nonceBytes)
        let head = [Self.version] + keyID + nonce
        let text = Array(plaintext.exposed.utf8)
        guard let context = EVP_CIPHER_CTX_new() else { preconditionFailure("no memory for a cipher") }
        defer { EVP_CIPHER_CTX_free(context) }
        var sealed = [UInt8](repeating: 0, count: text.count)
        var tag = [UInt8](repeating: 0, count: Self.tagBytes)
        var count: Int32 = 0
        let data = Array(purpose.utf8)
        // As in SHA256Digest: it fails only where nothing of ours works.
        precondition(
            EVP_EncryptInit_ex(context, EVP_aes_256_gcm(), nil, key, nonce) == 1
                && EVP_EncryptUpdate(context, nil, &count, data, Int32(data.count)) == 1
                && EVP_EncryptUpdate(context, &sealed, &count, text, Int32(text.count)) == 1
                && EVP_EncryptFinal_ex(context, nil, &count) == 1
                && EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, Int32(Self.tagBytes), &tag) == 1,
            "libcrypto has no AES-256-GCM")
        return head + sealed + tag
    }

    package func open(_ sealed: [UInt8], for purpose: String) throws(SecretSealingError) -> Secret {
        guard sealed.count >= Self.headBytes + Self.tagBytes, sealed.count <= Int(Int32.max), sealed[0] == Self.version
        else { throw .broken }
        guard Array(sealed[1..<1 + Self.keyIDBytes]) == keyID else { throw .otherKey }
        let nonce = Array(sealed[1 + Self.keyIDBytes..<Self.headBytes])
        let text = Array(sealed[Self.headBytes..<sealed.count - Self.tagBytes])
        var tag = Array(sealed.suffix(Self.tagBytes))
        guard let context = EVP_CIPHER_CTX_new() else { preconditionFailure("no memory for a cipher") }
        defer { EVP_CIPHER_CTX_free(context) }
        var plain = [UInt8](repeating: 0, count: text.count)
        var count: Int32 = 0
        let data = Array(purpose.utf8)
        guard EVP_DecryptInit_ex(context, EVP_aes_256_gcm(), nil, key, nonce) == 1,
            EVP_DecryptUpdate(context, nil, &count, data, Int32(data.count)) == 1,
            EVP_DecryptUpdate(context, &plain, &count, text, Int32(text.count)) == 1,
            EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, Int32(Self.tagBytes), &tag) == 1,
            EVP_DecryptFinal_ex(context, nil, &count) == 1,
            let opened = String(validating: plain, as: UTF8.self)
        else { throw .broken }
        return Secret(opened)
    }
}
