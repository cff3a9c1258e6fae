"""From folders, manifests and DICOM trees to rows, splits and pixels."""
