// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {SignatureChecker} from "@openzeppelin/contracts/utils/cryptography/SignatureChecker.sol";
import {ILoyaltyPoints} from "./ILoyaltyPoints.sol";
import {PointsAccounts} from "./PointsAccounts.sol";
import {
    ACCOUNT_EXPIRES_SHIFT,
    ACCOUNT_FLAGS,
    ACCOUNT_FROZEN,
    ACCOUNT_NONCE_SHIFT,
    ACCOUNT_ONE_NONCE,
    ACCOUNT_SELF_CUSTODY,
    AMOUNT_MAX,
    MASK_128,
    MASK_40,
    MASK_64,
    REDEEMED_BY_SIGNATURE
} from "./PackedWords.sol";

/// @dev What a holder does with their own signature, relayed by anyone. Only these functions set or clear the self-custody flag.
abstract contract SelfCustody is PointsAccounts, EIP712 {
    bytes32 private constant BIND_TYPEHASH =
        keccak256("Bind(address from,address to,uint40 expiresAt,uint64 nonce,uint256 deadline)");
    bytes32 private constant RETURN_TYPEHASH =
        keccak256("Return(address from,address to,uint64 nonce,uint256 deadline)");
    bytes32 private constant REDEEM_TYPEHASH = keccak256(
        "Redeem(address account,uint64 amount,uint24 merchant,bytes32 reward,uint64 nonce,uint256 deadline)"
    );

    /// @dev A constant name: the program's own may be longer than the 31 bytes a domain holds.
    constructor() EIP712("LoyaltyPoints", "1") {}

    /// @inheritdoc ILoyaltyPoints
    function bindSelfCustody(
        address from,
        address to,
        uint40 expiresAt,
        uint256 deadline,
        bytes calldata fromSignature,
        bytes calldata toSignature
    ) external {
        uint256 word = _accounts[from].word;
        bytes32 digest = _hashTypedDataV4(
            keccak256(abi.encode(BIND_TYPEHASH, from, to, expiresAt, _nonce(word), deadline))
        );
        _requireSigned(from, digest, deadline, fromSignature);
        if (word & ACCOUNT_SELF_CUSTODY != 0) {
            if (from == to) revert AlreadySelfCustody(from);
            uint40 current = _expiresAt(word);
            if (expiresAt != current) revert ExpiryMismatch(current, expiresAt);
        }
        uint256 bound = ACCOUNT_SELF_CUSTODY | (uint256(expiresAt) << ACCOUNT_EXPIRES_SHIFT);
        if (from == to) {
            _accounts[from].word = _counted(word | bound);
        } else {
            _requireSigned(to, digest, deadline, toSignature);
            uint256 target = _emptyWord(to);
            // The freeze goes with the points, or it would be no freeze.
            _accounts[to].word = _counted(target | bound | (word & (MASK_128 | ACCOUNT_FROZEN)));
            _accounts[from].word = _emptied(word);
            emit Transfer(from, to, word & MASK_128);
        }
        emit SelfCustodyBound(from, to, word & MASK_128, expiresAt);
    }

    /// @inheritdoc ILoyaltyPoints
    function returnToCustody(address from, address to, uint256 deadline, bytes calldata signature) external {
        uint256 word = _accounts[from].word;
        if (word & ACCOUNT_SELF_CUSTODY == 0) revert NotSelfCustody(from);
        _requireSigned(
            from,
            _hashTypedDataV4(keccak256(abi.encode(RETURN_TYPEHASH, from, to, _nonce(word), deadline))),
            deadline,
            signature
        );
        if (from == to) {
            _accounts[from].word = (_emptied(word)) | (word & MASK_128);
        } else {
            if (to == address(0)) revert ERC20InvalidReceiver(to);
            // The receiver signs nothing here, so a freeze must not reach them.
            if (word & ACCOUNT_FROZEN != 0) revert AccountFrozen(from);
            _accounts[to].word = _emptyWord(to) | (word & MASK_128);
            _accounts[from].word = _emptied(word);
            emit Transfer(from, to, word & MASK_128);
        }
        emit ReturnedToCustody(from, to, word & MASK_128);
    }

    /// @inheritdoc ILoyaltyPoints
    function raiseSelfCustodyExpiry(address account, uint40 expiresAt) external onlyRole(SETTLER_ROLE) {
        uint256 word = _accounts[account].word;
        if (word & ACCOUNT_SELF_CUSTODY == 0) revert NotSelfCustody(account);
        uint40 current = _expiresAt(word);
        if (current == 0 || (expiresAt != 0 && expiresAt <= current)) revert ExpiryNotRaised(current, expiresAt);
        word &= ~(MASK_40 << ACCOUNT_EXPIRES_SHIFT);
        _accounts[account].word = word | (uint256(expiresAt) << ACCOUNT_EXPIRES_SHIFT);
        emit SelfCustodyExpiryRaised(account, expiresAt);
    }

    /// @inheritdoc ILoyaltyPoints
    function redeemWithSignature(
        address account,
        uint64 amount,
        uint24 merchant,
        bytes32 reward,
        uint256 deadline,
        bytes calldata signature
    ) external whenNotPaused {
        uint256 word = _accounts[account].word;
        uint64 nonce = _nonce(word);
        if (word & ACCOUNT_SELF_CUSTODY == 0) revert NotSelfCustody(account);
        if (amount == 0 || amount > AMOUNT_MAX) revert InvalidAmount(amount);
        if (word & MASK_128 < amount) revert ERC20InsufficientBalance(account, word & MASK_128, amount);
        _requireSigned(
            account,
            _hashTypedDataV4(
                keccak256(abi.encode(REDEEM_TYPEHASH, account, amount, merchant, reward, nonce, deadline))
            ),
            deadline,
            signature
        );
        // Unchecked: amount <= balance; no account uses up 2^64 nonces.
        unchecked {
            _accounts[account].word = word - amount + ACCOUNT_ONE_NONCE;
        }
        _addTotal(REDEEMED_BY_SIGNATURE, amount);
        emit Transfer(account, address(0), amount);
        emit Redeemed(account, merchant, reward, amount, nonce);
    }

    /// @inheritdoc ILoyaltyPoints
    function invalidateNonce() external {
        uint256 word = _counted(_accounts[msg.sender].word);
        _accounts[msg.sender].word = word;
        emit NonceInvalidated(msg.sender, _nonce(word));
    }

    function _nonce(uint256 word) private pure returns (uint64) {
        return uint64(word >> ACCOUNT_NONCE_SHIFT);
    }

    function _expiresAt(uint256 word) private pure returns (uint40) {
        return uint40(word >> ACCOUNT_EXPIRES_SHIFT);
    }

    /// @dev `word` after its points have left: the next nonce and the freeze stay, so that no signature works twice and no freeze is shed.
    function _emptied(uint256 word) private pure returns (uint256) {
        return _counted(word & ((MASK_64 << ACCOUNT_NONCE_SHIFT) | ACCOUNT_FROZEN));
    }

    /// @dev `word` with the next nonce. Unchecked: no account uses up 2^64.
    function _counted(uint256 word) private pure returns (uint256) {
        unchecked {
            return word + ACCOUNT_ONE_NONCE;
        }
    }

    /// @dev The word of an account that may receive a whole balance: no points, no flag.
    function _emptyWord(address account) private view returns (uint256 word) {
        word = _accounts[account].word;
        if (word & (MASK_128 | ACCOUNT_FLAGS) != 0) revert DestinationNotEmpty(account);
    }

    /// @dev Reverts unless `account` signed `digest` in time: ECDSA first, then ERC-1271 if the account has code.
    function _requireSigned(address account, bytes32 digest, uint256 deadline, bytes calldata signature) private view {
        if (block.timestamp > deadline) revert SignatureExpired(deadline);
        (address signer, ECDSA.RecoverError problem,) = ECDSA.tryRecoverCalldata(digest, signature);
        if (problem == ECDSA.RecoverError.NoError && signer == account) return;
        if (
            account.code.length == 0
                || !SignatureChecker.isValidERC1271SignatureNowCalldata(account, digest, signature)
        ) revert InvalidSignature(account);
    }
}
