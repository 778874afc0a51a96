// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {LoyaltyPoints} from "contracts/LoyaltyPoints.sol";

interface Vm {
    function addr(uint256 key) external pure returns (address);
    function sign(uint256 key, bytes32 digest) external pure returns (uint8 v, bytes32 r, bytes32 s);
    function prank(address sender) external;
    function prank(address sender, address origin) external;
    function warp(uint256 timestamp) external;
    function store(address target, bytes32 slot, bytes32 value) external;
    function assume(bool condition) external pure;
    function expectRevert() external;
}

/// @dev A contract of which this test holds every role, with one ruleset and party 1.
abstract contract Setup {
    Vm internal constant vm = Vm(address(uint160(uint256(keccak256("hevm cheat code")))));
    address internal constant OPERATOR = address(0x0b0b0b);
    bytes32 internal constant RULESET = bytes32(uint256(0x5e7));
    LoyaltyPoints internal token;

    function _deploy() internal {
        vm.warp(1_800_000_000);
        token = new LoyaltyPoints("Points", "P", address(this), 0, 0, 0);
        token.grantRole(token.SETTLER_ROLE(), OPERATOR);
        token.grantRole(token.RULES_ROLE(), address(this));
        token.grantRole(token.ISSUERS_ROLE(), address(this));
        token.grantRole(token.GUARD_ROLE(), address(this));
        token.publishRuleset(RULESET, "", 0);
        token.registerParty(1, "Program", type(uint64).max, 1 days);
        token.setDebitLimit(OPERATOR, type(uint64).max);
    }

    /// @dev Whether the batch was applied.
    function _settle(uint64 seq, uint256[] memory words) internal returns (bool applied) {
        vm.prank(OPERATOR, OPERATOR);
        (applied,) = address(token).call(abi.encodeCall(token.settle, (seq, RULESET, bytes32(0), words)));
    }

    function _settleOne(uint64 seq, uint256 word) internal returns (bool) {
        uint256[] memory words = new uint256[](1);
        words[0] = word;
        return _settle(seq, words);
    }

    function _word(address account, uint256 kind, uint256 party, uint256 amount) internal pure returns (uint256) {
        return uint256(uint160(account)) << 96 | kind << 88 | party << 64 | amount;
    }
}
