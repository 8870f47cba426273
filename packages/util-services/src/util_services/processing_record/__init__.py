"""The record of processing activities, and the input of a data protection impact assessment.

Articles 30 and 35 of the General Data Protection Regulation, Regulation (EU) 2016/679, say what
they contain. What runs did is read from the audit, the register of releases and the reports of
runs; what only people know is read from a file. What neither tells is a gap, and never invented.

    from util_services.processing_record import Known, assessment_input, processing_record

    record = processing_record(Known.gather())
    print(record.to_json())
"""

from util_services.processing_record.activities import Activities, read_activities
from util_services.processing_record.assessment import assessment_input
from util_services.processing_record.document import Document
from util_services.processing_record.known import Known
from util_services.processing_record.markdown import render_document
from util_services.processing_record.record import processing_record

__all__ = [
    "Activities",
    "Document",
    "Known",
    "assessment_input",
    "processing_record",
    "read_activities",
    "render_document",
]
