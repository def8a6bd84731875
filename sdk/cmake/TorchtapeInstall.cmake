# Installs the package files, so that find_package(torchtape) works. The rooms
# install their own libraries, one export set each.

include(CMakePackageConfigHelpers)
set(torchtape_package ${CMAKE_INSTALL_LIBDIR}/cmake/torchtape)

install(EXPORT torchtapeFormatTargets NAMESPACE torchtape::
  DESTINATION ${torchtape_package})
if(TARGET torchtape_sdk)
  install(EXPORT torchtapeSdkTargets NAMESPACE torchtape::
    DESTINATION ${torchtape_package})
endif()

configure_package_config_file(
  ${PROJECT_SOURCE_DIR}/sdk/cmake/torchtapeConfig.cmake.in
  ${PROJECT_BINARY_DIR}/torchtapeConfig.cmake
  INSTALL_DESTINATION ${torchtape_package})
write_basic_package_version_file(
  ${PROJECT_BINARY_DIR}/torchtapeConfigVersion.cmake
  COMPATIBILITY SameMinorVersion)
install(
  FILES
    ${PROJECT_BINARY_DIR}/torchtapeConfig.cmake
    ${PROJECT_BINARY_DIR}/torchtapeConfigVersion.cmake
    ${PROJECT_SOURCE_DIR}/format/cmake/Findzstd.cmake
    ${PROJECT_SOURCE_DIR}/sdk/cmake/TorchtapeFindTorch.cmake
  DESTINATION ${torchtape_package})
