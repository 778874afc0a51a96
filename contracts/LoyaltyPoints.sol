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
    ACCOUNT_FLAGS_SHIFT,
    ACCOUNT_FROZEN,
    AMOUNT_MAX,
    CREDIT_KINDS,
    ENTRY_ACCOUNT_SHIFT,
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

    /// @dev What the kind of a run does; below these, a reason to skip all of it.
    uint256 private constant ISSUES = 16;
    uint256 private constant RETURNS = 17;
    uint256 private constant TAKES = 18;

    /// @dev What a batch carries from entry to entry, so that each shared slot is read and written once. A run is a row of entries
    /// of the same kind and party.
    struct Batch {
        uint256 stoppedKinds; // one bit each
        uint256 debitRoom; // points that may still be taken from custodial accounts or restored today
        uint256 group; // kind and party of this run, as they stand in the word
        uint256 rule; // what its kind does
        uint256 room; // points that it may still issue, restore or move in
        uint256 sum; // points applied in the last runs of this kind
        uint256[11] sums; // points applied before, by kind
        bool isMixed; // some room is in `parties`
        uint256[16] parties; // by the low bits of the number: party 24 | points it may still issue 64
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
        // An account with code may call itself (EIP-7702), and the words would be in no transaction's input.
        if (msg.sender != tx.origin || msg.sender.code.length != 0) revert IndirectCall();
        _requireInForce(rulesetHash);
        uint256 lane = _laneNow(msg.sender);
        uint64 expected;
        // Unchecked: no operator sends 2^64 batches.
        unchecked {
            expected = uint64(lane) + 1;
        }
        if (seq != expected) revert BatchOutOfSequence(expected, seq);

        Batch memory batch;
        batch.stoppedKinds = _stoppedKinds();
        batch.rule = BAD_WORD; // of kind 0
        uint256 debitRoom = _left((lane >> LANE_LIMIT_SHIFT) & MASK_64, (lane >> LANE_DEBITED_SHIFT) & MASK_64);
        batch.debitRoom = debitRoom;
        uint256 count = entries.length;
        // Unchecked: i < entries.length, no more entries are skipped than there are, and no more is debited than there is room.
        unchecked {
            for (uint256 i = 0; i < entries.length; ++i) {
                uint256 reason = _apply(batch, _wordAt(entries, i));
                if (reason == APPLIED) continue;
                --count;
                emit EntrySkipped(msg.sender, seq, i, uint8(reason));
            }
            _closeKind(batch);
            _lanes[msg.sender] = lane + 1 + ((debitRoom - batch.debitRoom) << LANE_DEBITED_SHIFT);
        }
        _storeParties(batch);
        (uint256 minted, uint256 burned) = _addTotals(batch);
        emit BatchSettled(msg.sender, seq, rulesetHash, receiptsRoot, count, minted, burned);
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

    /// @dev `entries[i]` without the bounds check that the loop has made already.
    function _wordAt(uint256[] calldata entries, uint256 i) private pure returns (uint256 word) {
        assembly ("memory-safe") {
            word := calldataload(add(entries.offset, shl(5, i)))
        }
    }

    /// @dev Applies one entry word, or says why not and changes nothing.
    /// Unchecked: amount < 2^53, so no sum of a batch reaches 2^256; a debit is at most the balance; Σ balances < 2^67 after any batch
    /// that does not revert, so a credit never reaches the nonce; 0 − 1 is above every maximum.
    function _apply(Batch memory batch, uint256 word) private returns (uint256) {
        unchecked {
            uint256 amount = word & MASK_64;
            if (amount - 1 >= AMOUNT_MAX) return BAD_WORD;
            address account = address(uint160(word >> ENTRY_ACCOUNT_SHIFT));
            if (account == address(0)) return BAD_WORD;
            uint256 group = uint32(word >> ENTRY_PARTY_SHIFT);
            if (group != batch.group) _openRun(batch, group);
            uint256 rule = batch.rule;
            if (rule < ISSUES) return rule;

            AccountWord storage place = _accounts[account];
            uint256 held = place.word;
            if (rule == TAKES) {
                if (held >> ACCOUNT_FLAGS_SHIFT != 0) {
                    if (held & ACCOUNT_FROZEN != 0) return FROZEN;
                    if (!_isExpirable(held, group >> 24)) return SELF_CUSTODY_DEBIT;
                    if (held & MASK_128 < amount) return SHORT_BALANCE_DEBIT;
                } else {
                    if (held & MASK_128 < amount) return SHORT_BALANCE_DEBIT;
                    uint256 room = batch.debitRoom;
                    if (amount > room) return ABOVE_DEBIT_LIMIT;
                    batch.debitRoom = room - amount;
                }
                place.word = held - amount;
                emit Transfer(account, address(0), amount);
            } else {
                if (held & ACCOUNT_FROZEN != 0) return FROZEN;
                uint256 room = batch.room;
                if (amount > room) return _aboveRoom(batch, amount);
                batch.room = room - amount;
                place.word = held + amount;
                emit Transfer(address(0), account, amount);
            }
            batch.sum += amount;
        }
        return APPLIED;
    }

    /// @dev Ends a run and begins the next: what its kind and party decide, for all its entries. The rooms of up to 16 parties stay
    /// in memory, so that a batch reads and writes each party's slot once even if their entries are mixed.
    function _openRun(Batch memory batch, uint256 group) private {
        uint256 party = batch.group & MASK_24;
        if (batch.rule == ISSUES) {
            batch.isMixed = true;
            batch.parties[party & 15] = party << ENTRY_PARTY_SHIFT | batch.room;
        }
        uint256 kind = group >> 24;
        if (kind != batch.group >> 24) {
            _closeKind(batch);
            batch.rule = _ruleOf(batch, kind);
        }
        batch.group = group;
        if (batch.rule == ISSUES) {
            party = group & MASK_24;
            uint256 cached = batch.parties[party & 15];
            if (cached >> ENTRY_PARTY_SHIFT != party) {
                _storeParty(cached);
                (, cached) = _roomOf(party);
            }
            batch.room = cached & MASK_64;
        }
    }

    /// @dev What entries of a kind do, or why they are all skipped; with the room of those that return points.
    function _ruleOf(Batch memory batch, uint256 kind) private view returns (uint256) {
        if (kind == 0 || kind > KIND_MOVE_IN) return BAD_WORD;
        if (batch.stoppedKinds & (1 << kind) != 0) return STOPPED_BY_SUNSET;
        if (ISSUING_KINDS & (1 << kind) != 0) return ISSUES;
        uint256[11] memory sums = batch.sums;
        // Unchecked: never more is returned than was taken.
        unchecked {
            if (kind == KIND_RESTORATION) {
                uint256 room = _restorable() + sums[KIND_REDEMPTION] + sums[KIND_DONATION] - sums[KIND_RESTORATION];
                batch.room = room < batch.debitRoom ? room : batch.debitRoom;
                return RETURNS;
            }
            if (kind != KIND_MOVE_IN) return TAKES;
            batch.room = _inTransit() + sums[KIND_MOVE_OUT] - sums[KIND_MOVE_IN];
            return RETURNS;
        }
    }

    /// @dev Adds what was applied last to its kind; restorations use up the day's room too, or a stolen key could give itself all that
    /// was ever redeemed. Unchecked as in `_apply`.
    function _closeKind(Batch memory batch) private pure {
        if (batch.sum == 0) return;
        unchecked {
            uint256 kind = batch.group >> 24;
            batch.sums[kind] += batch.sum;
            if (kind == KIND_RESTORATION) batch.debitRoom -= batch.sum;
        }
        batch.sum = 0;
    }

    /// @dev Why a credit does not fit its room.
    function _aboveRoom(Batch memory batch, uint256 amount) private view returns (uint256) {
        uint256 kind = batch.group >> 24;
        if (kind == KIND_MOVE_IN) return MOVED_IN_BEYOND;
        if (kind != KIND_RESTORATION) {
            return _parties[batch.group & MASK_24] == 0 ? UNKNOWN_PARTY : ABOVE_CEILING;
        }
        unchecked {
            return amount > batch.debitRoom - batch.sum ? ABOVE_DEBIT_LIMIT : RESTORED_BEYOND;
        }
    }

    /// @dev Writes what a party issued in this batch: the room it had less the room it has. Unchecked: that is not negative, and the
    /// field has room for it.
    function _storeParty(uint256 cached) private {
        uint256 party = cached >> ENTRY_PARTY_SHIFT;
        if (party == 0) return;
        (uint256 word, uint256 room) = _roomOf(party);
        unchecked {
            uint256 issued = room - (cached & MASK_64);
            if (issued != 0) _parties[party] = word + (issued << PARTY_ISSUED_SHIFT);
        }
    }

    function _storeParties(Batch memory batch) private {
        if (batch.rule == ISSUES) {
            uint256 party = batch.group & MASK_24;
            if (!batch.isMixed) return _storeParty(party << ENTRY_PARTY_SHIFT | batch.room);
            batch.parties[party & 15] = party << ENTRY_PARTY_SHIFT | batch.room;
        }
        if (!batch.isMixed) return;
        for (uint256 i = 0; i < 16; ++i) {
            _storeParty(batch.parties[i]);
        }
    }

    /// @dev A party's word as of this block and the points it may still issue; 0 for a number nobody has.
    function _roomOf(uint256 party) private view returns (uint256 word, uint256 room) {
        word = _partyNow(party);
        room = _left(word & MASK_64, (word >> PARTY_ISSUED_SHIFT) & MASK_64);
    }

    /// @dev Only expiry, and only from its date on, takes points from a self-custody account.
    function _isExpirable(uint256 held, uint256 kind) private view returns (bool) {
        uint256 expiresAt = (held >> ACCOUNT_EXPIRES_SHIFT) & MASK_40;
        return kind == KIND_EXPIRY && expiresAt != 0 && block.timestamp >= expiresAt;
    }

    /// @dev What a limit leaves; a limit may have been lowered below what is used.
    function _left(uint256 limit, uint256 used) private pure returns (uint256) {
        unchecked {
            return limit > used ? limit - used : 0;
        }
    }

    /// @dev Adds the batch to the totals. Unchecked: sums of amounts below 2^53.
    function _addTotals(Batch memory batch) private returns (uint256 minted, uint256 burned) {
        unchecked {
            for (uint256 kind = 1; kind <= KIND_MOVE_IN; ++kind) {
                uint256 sum = batch.sums[kind];
                if (sum == 0) continue;
                _addTotal(kind, sum);
                if (CREDIT_KINDS & (1 << kind) != 0) minted += sum;
                else burned += sum;
            }
        }
    }
}
