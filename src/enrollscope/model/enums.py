"""The two enumerations of an enrollment failure, with their numbers.

Sources: the microsoft.graph CSDL of v1.0 and the reference pages of beta.

Numbers are what the store keeps. Members that no version lists today have an empty set of views: their numbers have
been seen from the production service, so a stored one must keep its name in the log, and reads as the sentinel.
"""

from enrollscope.odata.edm.model import EnumMember, EnumType

BETA = frozenset({"beta"})
RETIRED: frozenset[str] = frozenset()

FAILURE_REASON = EnumType(
    "deviceEnrollmentFailureReason",
    members=(
        EnumMember("unknown", 0),
        EnumMember("authentication", 1),
        EnumMember("authorization", 2),
        EnumMember("accountValidation", 3),
        EnumMember("userValidation", 4),
        EnumMember("deviceNotSupported", 5),
        EnumMember("inMaintenance", 6),
        EnumMember("badRequest", 7),
        EnumMember("featureNotSupported", 8),
        EnumMember("enrollmentRestrictionsEnforced", 9),
        EnumMember("clientDisconnected", 10),
        EnumMember("userAbandonment", 11),
    ),
    description="The broad reason for which an enrollment failed. A closed enumeration.",
)

ENROLLMENT_TYPE = EnumType(
    "deviceEnrollmentType",
    members=(
        EnumMember("unknown", 0),
        EnumMember("userEnrollment", 1),
        EnumMember("deviceEnrollmentManager", 2),
        EnumMember("appleBulkWithUser", 3),
        EnumMember("appleBulkWithoutUser", 4),
        EnumMember("windowsAzureADJoin", 5),
        EnumMember("windowsBulkUserless", 6),
        EnumMember("windowsAutoEnrollment", 7),
        EnumMember("windowsBulkAzureDomainJoin", 8),
        EnumMember("windowsCoManagement", 9),
        EnumMember("windowsAzureADJoinUsingDeviceAuth", 10),
        EnumMember("appleUserEnrollment", 11),
        EnumMember("appleUserEnrollmentWithServiceAccount", 12),
        EnumMember("azureAdJoinUsingAzureVmExtension", 14, BETA),
        EnumMember("androidEnterpriseDedicatedDevice", 15, BETA),
        EnumMember("androidEnterpriseFullyManaged", 16, BETA),
        EnumMember("androidEnterpriseCorporateWorkProfile", 17, BETA),
        EnumMember("androidAOSPUserOwnedDeviceEnrollment", 18, BETA),
        EnumMember("androidAOSPUserlessDeviceEnrollment", 19, BETA),
        EnumMember("appleACMEBasicBYOD", 20, RETIRED),
        EnumMember("appleACMEDEPUserless", 21, RETIRED),
        EnumMember("appleACMEDEPUDACompanyPortal", 22, RETIRED),
        EnumMember("appleACMEDEPUDASetupAsstLegacy", 23, RETIRED),
        EnumMember("appleACMEDEPUDAModernAuth", 24, RETIRED),
        EnumMember("appleAccountDrivenUserEnrollment", 25, BETA),
        EnumMember("unknownFutureValue", 26),
    ),
    sentinel="unknownFutureValue",
    description="The way in which a device was being enrolled. More members may come.",
)
