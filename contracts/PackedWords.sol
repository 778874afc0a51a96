// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @dev Where the fields of the packed words lie, low bits first. One word is read and written at a time, so that an entry of a
/// batch costs one storage slot.
///
/// account: balance 128 | nonce 64 | selfCustodyExpiresAt 40 | flags 24
/// lane:    seq 64 | debit limit 64 | debited 64 | day 40 | raises on day 24
/// party:   ceiling 64 | issued 64 | window 40 | period 40 | raises at 40 | registered 8
/// entry:   amount 64 | party 24 | kind 8 | account 160
uint256 constant MASK_24 = 0xffffff;
uint256 constant MASK_40 = 0xffffffffff;
uint256 constant MASK_64 = 0xffffffffffffffff;
uint256 constant MASK_128 = 0xffffffffffffffffffffffffffffffff;

uint256 constant ACCOUNT_NONCE_SHIFT = 128;
uint256 constant ACCOUNT_EXPIRES_SHIFT = 192;
uint256 constant ACCOUNT_ONE_NONCE = 1 << ACCOUNT_NONCE_SHIFT;
uint256 constant ACCOUNT_SELF_CUSTODY = 1 << 232;
uint256 constant ACCOUNT_FROZEN = 1 << 233;
uint256 constant ACCOUNT_FLAGS_SHIFT = 232;
uint256 constant ACCOUNT_FLAGS = MASK_24 << ACCOUNT_FLAGS_SHIFT;

uint256 constant LANE_LIMIT_SHIFT = 64;
uint256 constant LANE_DEBITED_SHIFT = 128;
uint256 constant LANE_DAY_SHIFT = 192;
uint256 constant LANE_RAISES_SHIFT = 232;

uint256 constant PARTY_ISSUED_SHIFT = 64;
uint256 constant PARTY_WINDOW_SHIFT = 128;
uint256 constant PARTY_PERIOD_SHIFT = 168;
uint256 constant PARTY_RAISES_SHIFT = 208;
uint256 constant PARTY_REGISTERED = 1 << 248;

uint256 constant ENTRY_PARTY_SHIFT = 64;
uint256 constant ENTRY_KIND_SHIFT = 88;
uint256 constant ENTRY_ACCOUNT_SHIFT = 96;

/// @dev Largest amount of one entry: what JSON carries exactly.
uint256 constant AMOUNT_MAX = 2 ** 53 - 1;

uint256 constant KIND_ISSUANCE = 1;
uint256 constant KIND_REDEMPTION = 2;
uint256 constant KIND_EXPIRY = 3;
uint256 constant KIND_REVERSAL = 4;
uint256 constant KIND_RESTORATION = 5;
uint256 constant KIND_DONATION = 6;
uint256 constant KIND_ADJUSTMENT_UP = 7;
uint256 constant KIND_ADJUSTMENT_DOWN = 8;
uint256 constant KIND_MOVE_OUT = 9;
uint256 constant KIND_MOVE_IN = 10;
/// @dev Not a kind of entry: the eleventh total.
uint256 constant REDEEMED_BY_SIGNATURE = 11;

/// @dev Bit k stands for kind k.
uint256 constant ISSUING_KINDS = (1 << KIND_ISSUANCE) | (1 << KIND_ADJUSTMENT_UP);
uint256 constant CREDIT_KINDS = ISSUING_KINDS | (1 << KIND_RESTORATION) | (1 << KIND_MOVE_IN);
