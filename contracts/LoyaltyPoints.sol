// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {
    AccessControlDefaultAdminRules
} from "@openzeppelin/contracts/access/extensions/AccessControlDefaultAdminRules.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IERC20Metadata} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Metadata.sol";
import {MerkleProof} from "@openzeppelin/contracts/utils/cryptography/MerkleProof.sol";
import {ILoyaltyPoints} from "./ILoyaltyPoints.sol";
import {PointsAccounts} from "./PointsAccounts.sol";
import {ProgramControl} from "./ProgramControl.sol";
import {SelfCustody} from "./SelfCustody.sol";
import {
    ACCOUNT_EXPIRES_SHIFT,
    ACCOUNT_FROZEN,
    ACCOUNT_SELF_CUSTODY,
    AMOUNT_MAX,
    CREDIT_KINDS,
    ENTRY_ACCOUNT_SHIFT,
    ENTRY_KIND_SHIFT,
    ENTRY_PARTY_SHIFT,
    ISSUING_KINDS,
    KIND_DONATION,
    KIND_EXPIRY,
    KIND_MOVE_IN,
    KIND_MOVE_OUT,
    KIND_REDEMPTION,
    KIND_RESTORATION,
    LANE_DEBITED_SHIFT,
    LANE_LIMIT_SHIFT,
    MASK_128,
    MASK_24,
    MASK_40,
    MASK_64,
    PARTY_ISSUED_SHIFT
} from "./PackedWords.sol";

/// @title Loyalty points that anyone can check
/// @notice See ILoyaltyPoints.
/// @dev Invariants, each held by tests/contracts:
///  1. Σ balances = totalSupply = credits − debits of `totals()`.
///  2. A sequence number of an operator applies at most once, and none is left out.
///  3. No operator lowers a self-custody balance before its expiry.
///  4. Nothing is issued above a ceiling, outside a published ruleset, or after the sunset.
///  5. No operation changes another field of a packed word.
///  6. Restored ≤ redeemed + donated.
///  7. Moved in ≤ moved out.
contract LoyaltyPoints is SelfCustody {
    /// @dev Why an entry was skipped; 0 = it was applied.
    uint256 private constant APPLIED = 0;
    uint256 private constant BAD_WORD = 1;
    uint256 private constant FROZEN = 2;
    uint256 private constant SELF_CUSTODY_DEBIT = 3;
    uint256 private constant SHORT_BALANCE_DEBIT = 4;
    uint256 private constant UNKNOWN_PARTY = 5;
    uint256 private constant ABOVE_CEILING = 6;
    uint256 private constant ABOVE_DEBIT_LIMIT = 7;
    uint256 private constant STOPPED_BY_SUNSET = 8;
    uint256 private constant RESTORED_BEYOND = 9;
    uint256 private constant MOVED_IN_BEYOND = 10;

    /// @dev What a batch carries from entry to entry, so that each shared slot is read and written once.
    struct Batch {
        uint256 lane;
        uint256 party; // whose word is loaded; 0 = none
        uint256 partyWord;
        uint256 stoppedKinds;
        uint256 count;
        uint256[11] sums; // applied points by kind
    }

    constructor(
        string memory name_,
        string memory symbol_,
        address admin,
        uint48 adminDelay,
        uint40 noticePeriod_,
        uint40 sunsetNotice_
    )
        AccessControlDefaultAdminRules(adminDelay, admin)
        ProgramControl(noticePeriod_, sunsetNotice_)
        PointsAccounts(name_, symbol_)
    {}

    /// @inheritdoc ILoyaltyPoints
    function settle(uint64 seq, bytes32 rulesetHash, bytes32 receiptsRoot, uint256[] calldata entries)
        external
        onlyRole(SETTLER_ROLE)
        whenNotPaused
    {
        if (msg.sender != tx.origin) revert IndirectCall();
        _requireInForce(rulesetHash);
        Batch memory batch;
        uint256 lane = _laneNow(msg.sender);
        uint64 expected = uint64(lane) + 1;
        if (seq != expected) revert BatchOutOfSequence(expected, seq);
        batch.lane = lane + 1;
        batch.stoppedKinds = _stoppedKinds();

        for (uint256 i = 0; i < entries.length; ++i) {
            uint256 reason = _apply(batch, entries[i]);
            if (reason != APPLIED) emit EntrySkipped(msg.sender, seq, i, uint8(reason));
        }

        _lanes[msg.sender] = batch.lane;
        _storeParty(batch);
        (uint256 minted, uint256 burned) = _addTotals(batch);
        emit BatchSettled(msg.sender, seq, rulesetHash, receiptsRoot, batch.count, minted, burned);
    }

    /// @inheritdoc ILoyaltyPoints
    function verifyReceipt(bytes32 receiptsRoot, Receipt calldata receipt, bytes32[] calldata proof)
        external
        view
        returns (bool)
    {
        bytes32 inner = keccak256(abi.encode(block.chainid, address(this), receipt));
        return MerkleProof.verifyCalldata(proof, receiptsRoot, keccak256(bytes.concat(inner)));
    }

    /// @inheritdoc AccessControlDefaultAdminRules
    function supportsInterface(bytes4 interfaceId) public view override returns (bool) {
        return interfaceId == type(IERC20).interfaceId || interfaceId == type(IERC20Metadata).interfaceId
            || interfaceId == type(ILoyaltyPoints).interfaceId || super.supportsInterface(interfaceId);
    }

    /// @dev Applies one entry word, or says why not and changes nothing.
    function _apply(Batch memory batch, uint256 word) private returns (uint256) {
        uint256 amount = word & MASK_64;
        uint256 kind = (word >> ENTRY_KIND_SHIFT) & 0xff;
        address account = address(uint160(word >> ENTRY_ACCOUNT_SHIFT));
        if (amount == 0 || amount > AMOUNT_MAX || kind == 0 || kind > KIND_MOVE_IN || account == address(0)) {
            return BAD_WORD;
        }
        if (batch.stoppedKinds & (1 << kind) != 0) return STOPPED_BY_SUNSET;
        uint256 held = _accounts[account];
        if (held & ACCOUNT_FROZEN != 0) return FROZEN;

        // Unchecked: amount < 2^53, so a sum of a batch stays below 2^256; a debit is at most the balance; Σ balances < 2^67 after
        // any batch that does not revert, so a credit never reaches the nonce.
        unchecked {
            if (CREDIT_KINDS & (1 << kind) != 0) {
                uint256 reason = _checkCredit(batch, kind, (word >> ENTRY_PARTY_SHIFT) & MASK_24, amount);
                if (reason != APPLIED) return reason;
                _accounts[account] = held + amount;
                emit Transfer(address(0), account, amount);
            } else {
                uint256 reason = _checkDebit(batch, kind, held, amount);
                if (reason != APPLIED) return reason;
                _accounts[account] = held - amount;
                emit Transfer(account, address(0), amount);
            }
            batch.sums[kind] += amount;
            ++batch.count;
        }
        return APPLIED;
    }

    /// @dev Counts a credit against what bounds its kind.
    function _checkCredit(Batch memory batch, uint256 kind, uint256 party, uint256 amount) private returns (uint256) {
        uint256[11] memory sums = batch.sums;
        if (ISSUING_KINDS & (1 << kind) != 0) {
            if (party != batch.party) {
                _storeParty(batch);
                batch.party = party;
                batch.partyWord = _partyNow(party);
            }
            uint256 word = batch.partyWord;
            if (party == 0 || word == 0) return UNKNOWN_PARTY;
            if (((word >> PARTY_ISSUED_SHIFT) & MASK_64) + amount > word & MASK_64) return ABOVE_CEILING;
            batch.partyWord = word + (amount << PARTY_ISSUED_SHIFT);
        } else if (kind == KIND_RESTORATION) {
            uint256 restorable = _restorable() + sums[KIND_REDEMPTION] + sums[KIND_DONATION];
            if (sums[KIND_RESTORATION] + amount > restorable) return RESTORED_BEYOND;
        } else if (sums[KIND_MOVE_IN] + amount > _inTransit() + sums[KIND_MOVE_OUT]) {
            return MOVED_IN_BEYOND;
        }
        return APPLIED;
    }

    /// @dev Counts a debit against the balance and, for a custodial account, against the operator's day.
    function _checkDebit(Batch memory batch, uint256 kind, uint256 held, uint256 amount) private view returns (uint256) {
        bool isCustodial = held & ACCOUNT_SELF_CUSTODY == 0;
        if (!isCustodial) {
            uint256 expiresAt = (held >> ACCOUNT_EXPIRES_SHIFT) & MASK_40;
            bool isDue = expiresAt != 0 && block.timestamp >= expiresAt;
            if (kind != KIND_EXPIRY || !isDue) return SELF_CUSTODY_DEBIT;
        }
        if (held & MASK_128 < amount) return SHORT_BALANCE_DEBIT;
        if (isCustodial) {
            uint256 lane = batch.lane;
            if (((lane >> LANE_DEBITED_SHIFT) & MASK_64) + amount > (lane >> LANE_LIMIT_SHIFT) & MASK_64) {
                return ABOVE_DEBIT_LIMIT;
            }
            batch.lane = lane + (amount << LANE_DEBITED_SHIFT);
        }
        return APPLIED;
    }

    function _storeParty(Batch memory batch) private {
        if (batch.partyWord != 0) _parties[batch.party] = batch.partyWord;
    }

    function _addTotals(Batch memory batch) private returns (uint256 minted, uint256 burned) {
        for (uint256 kind = 1; kind <= KIND_MOVE_IN; ++kind) {
            uint256 sum = batch.sums[kind];
            if (sum == 0) continue;
            _addTotal(kind, sum);
            if (CREDIT_KINDS & (1 << kind) != 0) minted += sum;
            else burned += sum;
        }
    }
}
